#!/bin/sh
# Brings requirements.lock to pyproject.toml: exact versions and hashes. Run it by `make lock`.
#
# UPGRADE  when not empty, versions that are locked already give way to newer ones
#
# torch and what only its CUDA build needs are left out: setup.sh installs torch by pip, which can choose the CPU build.
set -eu
cd "$(dirname "$0")/.."
set -- ${UPGRADE:+--upgrade}
for package in torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti \
  nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
  nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx; do
  set -- "$@" --no-emit-package "$package"
done
.venv/bin/uv pip compile --quiet pyproject.toml --extra dev --python-version 3.11 --generate-hashes \
  --no-annotate --no-header "$@" --output-file requirements.lock
