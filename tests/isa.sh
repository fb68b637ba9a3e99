#!/usr/bin/env bash
# Runs the hashing and chunking tests under each instruction set that this processor can be made to leave out. In every
# run a test asserts that the instruction set named is the one in force, or the run would prove nothing.
#   isa.sh [--no-build]
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
[ "${1:-}" = --no-build ] || dotnet build tests/CloudImage.Sdk.Tests -c Release -v quiet -nologo
tests=tests/CloudImage.Sdk.Tests/bin/Release/net10.0/CloudImage.Sdk.Tests.dll

run() {
    local isa=$1
    shift
    echo "== $isa ($*)"
    env "$@" CLOUDIMAGE_EXPECT_ISA="$isa" dotnet "$tests" --progress off --no-ansi \
        --filter-namespace CloudImage.Sdk.Tests.Hashing --filter-namespace CloudImage.Sdk.Tests.Chunking |
        grep -vE '^(skipped|passed) |^xUnit|^$|Microsoft'
}

case "$(uname -m)" in
    x86_64)
        if grep -qw avx512vl /proc/cpuinfo 2>/dev/null; then
            run avx512 DOTNET_EnableAVX512=1
            run avx2 DOTNET_PreferredVectorBitWidth=256
        fi
        if grep -qw avx2 /proc/cpuinfo 2>/dev/null; then
            run avx2 DOTNET_EnableAVX512=0
        fi
        run vector128 DOTNET_EnableAVX2=0
        run scalar DOTNET_EnableHWIntrinsic=0
        ;;
    *)
        run vector128 DOTNET_EnableHWIntrinsic=1
        run scalar DOTNET_EnableHWIntrinsic=0
        ;;
esac
