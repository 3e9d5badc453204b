#!/bin/sh
# Brings the lock files to pyproject.toml: exact versions and hashes. Run it by `make lock`.
#
# UPGRADE  when not empty, versions that are locked already give way to newer ones
#
# requirements.lock is everything; the ones in docker/ are what each image needs of it, in the same versions.
# torch and what only its CUDA build needs are left out: setup.sh and the image of the worker install torch by
# themselves, as its CPU and CUDA builds are different files of one version.
set -eu
cd "$(dirname "$0")/.."

lock() { # file, then the options that choose what goes in
  file=$1
  shift
  for package in torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti \
    nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
    nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx; do
    set -- "$@" --no-emit-package "$package"
  done
  .venv/bin/uv pip compile --quiet pyproject.toml --python-version 3.11 --generate-hashes \
    --no-annotate --no-header "$@" --output-file "$file"
}

lock requirements.lock --extra dev ${UPGRADE:+--upgrade}
lock docker/api.lock --constraint requirements.lock --extra api
lock docker/indexer.lock --constraint requirements.lock --extra indexer
lock docker/worker.lock --constraint requirements.lock --extra worker
lock docker/development.lock --constraint requirements.lock --extra api --extra indexer --extra contracts
