#!/bin/sh
# Builds, from their sources in the Go module proxy, the programs which no package registry carries: DIR/bin holds kubeconform, otelcol (with the
# components that deploy/compose/otel-collector.yaml names), etcd, kube-apiserver, kubectl and ollama; DIR/crds the definitions of the kinds that the
# chart knows beside Kubernetes' own. What is there already is left as it is.
#
#   tests/originals/build.sh DIR [PROGRAM...]
#   ORIGINALS_ROOT=DIR TOOLS_ROOT=TOOLS .venv/bin/python -m pytest -m originals
#
# Needs Go 1.26 or newer and the module proxy; for ollama also a C++ compiler and Debian (apt-get download); about 6 GB of room and, on two cores, half an hour. A program that cannot be
# built is left out, with the reason as the last lines of DIR/log/PROGRAM; the exit code is then 1.
set -eu
if [ $# -lt 1 ]; then sed -n '2,10p' "$0"; exit 2; fi
command -v go > /dev/null || { echo "go is missing" >&2; exit 1; }
mkdir -p "$1/bin" "$1/log" "$1/src"
root=$(cd "$1" && pwd)
shift
export GOPATH="$root/path" GOCACHE="$root/cache" GOFLAGS="-mod=mod -buildvcs=false -trimpath" GOWORK=off

KUBECONFORM=v0.7.0
COLLECTOR=v0.155.0
ETCD=v3.6.8
KUBERNETES=1.36.3
GATEWAY_API=v1.4.0
PROMETHEUS_OPERATOR=v0.85.0
OLLAMA=v0.17.4
MINIAUDIO=v0.11.24

module() { # NAME: an empty module in a folder of its own
  rm -rf "${root:?}/src/$1"
  mkdir -p "$root/src/$1"
  cd "$root/src/$1"
  printf 'module originals/%s\n\ngo 1.26\n' "$1" > go.mod
}

build_kubeconform() {
  module kubeconform
  go get "github.com/yannh/kubeconform@$KUBECONFORM"
  go build -o "$root/bin/kubeconform" github.com/yannh/kubeconform/cmd/kubeconform
}

build_otelcol() {
  module otelcol
  go get "go.opentelemetry.io/collector/cmd/builder@$COLLECTOR"
  go build -o "$root/src/otelcol/builder" go.opentelemetry.io/collector/cmd/builder
  cat > parts.yaml << YAML
dist: { name: otelcol, output_path: ./made }
receivers: [{ gomod: "go.opentelemetry.io/collector/receiver/otlpreceiver $COLLECTOR" }]
processors:
  - { gomod: "go.opentelemetry.io/collector/processor/batchprocessor $COLLECTOR" }
  - { gomod: "go.opentelemetry.io/collector/processor/memorylimiterprocessor $COLLECTOR" }
exporters:
  - { gomod: "go.opentelemetry.io/collector/exporter/otlpexporter $COLLECTOR" }
  - { gomod: "go.opentelemetry.io/collector/exporter/debugexporter $COLLECTOR" }
YAML
  ./builder --config parts.yaml
  cp made/otelcol "$root/bin/otelcol"
}

build_etcd() {
  module etcd
  go get "go.etcd.io/etcd/server/v3@$ETCD"
  go build -o "$root/bin/etcd" go.etcd.io/etcd/server/v3
}

kubernetes() { # its staging modules are replaced by folders that its module does not hold: by their own releases instead
  module "$1"
  go mod download "k8s.io/kubernetes@v$KUBERNETES"
  staged=$(sed -n -E 's/^\t(k8s\.io\/[a-z0-9-]+) v0\.0\.0$/\1/p; s/^\t(k8s\.io\/[a-z0-9-]+) => \.\/staging.*/\1/p' \
    "$GOPATH/pkg/mod/k8s.io/kubernetes@v$KUBERNETES/go.mod" | sort -u)
  for name in $staged; do go mod edit -replace "$name=$name@v0.${KUBERNETES#1.}"; done
  go mod edit -require "k8s.io/kubernetes@v$KUBERNETES"
  go build -ldflags "-X k8s.io/component-base/version.gitVersion=v$KUBERNETES" -o "$root/bin/$1" "k8s.io/kubernetes/cmd/$1"
}

build_kube_apiserver() { kubernetes kube-apiserver; }
build_kubectl() { kubernetes kubectl; }

build_ollama() { # a module's archive leaves out folders named vendor: their headers come from Debian, and one from another module
  module ollama
  mkdir -p include/miniaudio packages
  (cd packages && apt-get download -qq nlohmann-json3-dev libstb-dev)
  for package in packages/*.deb; do dpkg-deb -x "$package" .; done
  go mod download "github.com/gen2brain/malgo@$MINIAUDIO"
  cp "$GOPATH/pkg/mod/github.com/gen2brain/malgo@$MINIAUDIO/miniaudio.h" include/miniaudio
  export CGO_CPPFLAGS="-I$PWD/usr/include -I$PWD/include"
  go mod edit -require "github.com/ollama/ollama@$OLLAMA"
  go build -ldflags "-X github.com/ollama/ollama/version.Version=${OLLAMA#v}" -o "$root/bin/ollama" github.com/ollama/ollama
}

build_crds() {
  rm -rf "$root/crds"
  mkdir "$root/crds"
  cd "$root/crds"
  go mod download "sigs.k8s.io/gateway-api@$GATEWAY_API" "github.com/prometheus-operator/prometheus-operator@$PROMETHEUS_OPERATOR"
  modules="$GOPATH/pkg/mod"
  cp "$modules/sigs.k8s.io/gateway-api@$GATEWAY_API/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml" .
  operator="$modules/github.com/prometheus-operator/prometheus-operator@$PROMETHEUS_OPERATOR/example/prometheus-operator-crd"
  cp "$operator/monitoring.coreos.com_servicemonitors.yaml" "$operator/monitoring.coreos.com_prometheusrules.yaml" .
  chmod -R u+w .
  printf '#!/bin/sh\ncat "%s"/*.yaml\n' "$root/crds" > "$root/bin/crds"
  chmod 755 "$root/bin/crds"
}

left_out=0
for program in ${*:-crds kubeconform otelcol etcd kube-apiserver kubectl ollama}; do
  if [ -x "$root/bin/$program" ]; then echo "$program is there"; continue; fi
  echo "building $program: $root/log/$program"
  ( set -e; "build_$(echo "$program" | tr - _)" ) > "$root/log/$program" 2>&1 &
  if wait $!; then echo "$program is built"; else echo "$program is left out:"; tail -n 5 "$root/log/$program"; left_out=1; fi
done
exit $left_out
