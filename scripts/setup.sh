#!/usr/bin/env bash
# Installs what molmo.cpp needs to build, and with MOLMO_SETUP_TESTS=1 what only its tests need: system packages through apt (when root or sudo is at hand), and a local
# .venv with the pinned wheels that carry libtorch and Arrow C++. Skips what is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

torch_version=2.13.0
pyarrow_version=26.0.1
packages=(
  g++ cmake ninja-build ccache mold pkg-config git python3 python3-venv
  libturbojpeg0-dev libjpeg62-turbo-dev libpng-dev libwebp-dev libcairo2-dev libpango1.0-dev librsvg2-dev
  nlohmann-json3-dev libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev libutf8proc-dev libeigen3-dev
  libsqlite3-dev libcurl4-openssl-dev libssl-dev libboost1.81-dev libgloo-dev libchafa-dev libedit-dev
  zlib1g-dev libgtest-dev libgmock-dev libbenchmark-dev libfreetype-dev libfontconfig-dev
  fonts-dejavu-core fonts-noto-color-emoji fonts-liberation2 fonts-lato fonts-open-sans fonts-roboto-slab
  fonts-comic-neue fonts-dkg-handwriting fonts-inconsolata
)
# The NEON kernels are tested on x86 machines too.
[ "${MOLMO_SETUP_TESTS:-0}" = 1 ] && [ "$(uname -m)" = x86_64 ] && packages+=(g++-aarch64-linux-gnu qemu-user)

say() { printf 'setup: %s\n' "$*"; }

missing=()
if command -v dpkg-query >/dev/null; then
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
else
  say "no dpkg on this system: install the equivalents of: ${packages[*]}"
fi

if ((${#missing[@]})); then
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "missing packages, and neither root nor sudo is at hand. Ask an administrator to run:"
      say "  apt-get install ${missing[*]}"
      exit 1
    fi
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} system packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  say "system packages: all there"
fi

# The wheels are only a way to get the C++ libraries and headers: no Python runs in the product.
if [ ! -x .venv/bin/python ]; then
  say "creating .venv"
  python3 -m venv .venv
fi
wheel_missing() { ! .venv/bin/python -c "import importlib.metadata as m, sys; sys.exit(m.version('$1').split('+')[0] != '$2')" 2>/dev/null; }
wheels=()
wheel_missing torch "$torch_version" && wheels+=("torch==$torch_version")
wheel_missing pyarrow "$pyarrow_version" && wheels+=("pyarrow==$pyarrow_version")
if ((${#wheels[@]})); then
  say "installing into .venv: ${wheels[*]}"
  pip_install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
  # Without an NVIDIA GPU the CPU build of torch serves as well and is ten times smaller; it has an index of its own.
  cpu_wheels=("${wheels[@]/#torch==$torch_version/torch==$torch_version+cpu}")
  if command -v nvidia-smi >/dev/null ||
    ! pip_install --retries 1 --timeout 10 --extra-index-url https://download.pytorch.org/whl/cpu "${cpu_wheels[@]}" 2>/dev/null; then
    pip_install "${wheels[@]}"
  fi
else
  say ".venv: torch $torch_version and pyarrow $pyarrow_version are there"
fi
say "done"
