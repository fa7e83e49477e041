#!/bin/sh
# Installs the real clients below DIR: npm/ (the CLIs, with a node of their own), and with "all" also npmsdk/ (JavaScript SDKs) and
# venv/ (Python SDKs). Exact versions; a DIR which holds them already is left as it is. Nothing outside of DIR is changed.
#
#   tests/clients/install.sh DIR          Claude Code, Codex CLI, Gemini CLI, Kilo Code: what CI runs
#   tests/clients/install.sh DIR all      also opencode, llm and the SDKs
#
# Needs npm, for "all" also python3 with venv, and the npm and PyPI registries.
set -eu
if [ $# -lt 1 ]; then sed -n '2,8p' "$0"; exit 2; fi
mkdir -p "$1"
root=$(cd "$1" && pwd)
what=${2:-cli}

# npm's package "node" brings the binary: on an older node npm picks older clients by itself, and some do not run.
NODE="node@26.10.0"
CLIENTS="@anthropic-ai/claude-code@2.1.330 @openai/codex@0.169.0 @google/gemini-cli@0.61.0 @kilocode/cli@7.7.7"
MORE_CLIENTS="opencode-ai@1.18.33"
JAVASCRIPT_SDKS="openai@7.57.0 @anthropic-ai/sdk@1.12.0 @google/genai@3.1.0 ai@7.0.173 @ai-sdk/openai@4.0.118 @ai-sdk/anthropic@4.0.105
  @ai-sdk/google@4.0.121 @ai-sdk/openai-compatible@3.0.92 zod@4.6.7"
PYTHON_SDKS="openai==3.54.0 anthropic==1.17.0 google-genai==3.4.0 llm==0.36"

install_npm() { # FOLDER PACKAGE...: unless just these are there
  folder="$root/$1"; shift
  wanted=$(printf '%s\n' "$@")
  if [ "$(cat "$folder/.installed" 2>/dev/null)" = "$wanted" ]; then echo "$folder is complete"; return; fi
  rm -rf "$folder"
  mkdir -p "$folder"
  echo '{"name":"rig","private":true,"type":"module"}' > "$folder/package.json"
  (cd "$folder" && npm install --no-audit --no-fund --no-progress --save-exact --loglevel=error "$NODE")
  if [ $# -gt 0 ]; then
    (cd "$folder" && PATH="$folder/node_modules/.bin:$PATH" npm install --no-audit --no-fund --no-progress --save-exact --loglevel=error "$NODE" "$@")
  fi
  printf '%s\n' "$@" > "$folder/.installed"
}

install_python() { # PACKAGE...
  wanted=$(printf '%s\n' "$@")
  if [ "$(cat "$root/venv/.installed" 2>/dev/null)" = "$wanted" ]; then echo "$root/venv is complete"; return; fi
  rm -rf "$root/venv"
  "${PYTHON:-python3}" -m venv "$root/venv"
  "$root/venv/bin/pip" install -q --disable-pip-version-check "$@"
  printf '%s\n' "$@" > "$root/venv/.installed"
}

# A folder with "all" in it serves the smaller wish as well.
if [ "$what" = all ] || [ -f "$root/npmsdk/.installed" ]; then
  install_npm npm $CLIENTS $MORE_CLIENTS
else
  install_npm npm $CLIENTS
fi
if [ "$what" = all ]; then
  install_npm npmsdk $JAVASCRIPT_SDKS
  install_python $PYTHON_SDKS
fi
for client in claude codex gemini kilo; do
  printf '%s ' "$client"
  HOME="$root/npm" PATH="$root/npm/node_modules/.bin:$PATH" "$root/npm/node_modules/.bin/$client" --version < /dev/null 2> /dev/null | tail -n 1
done
