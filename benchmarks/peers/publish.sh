#!/usr/bin/env bash
# Publishes the command line as one self-contained executable, for use and for the comparisons with peers' tools.
#   publish.sh OUT        makes OUT/cloudimage
# Native code for this machine's own instruction set where a C linker is there (starts in about 10 ms, with its tables of types
# in the file as they are used: packed, unpacking them took 4 ms); otherwise, or
# with CLOUDIMAGE_PUBLISH=jit, one file with the runtime in it (starts in about 150 ms).
set -euo pipefail
out=${1:?usage: publish.sh OUT}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")/../.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
case "$(uname -m)" in
    x86_64) architecture=x64 ;;
    aarch64 | arm64) architecture=arm64 ;;
    *) echo "publish.sh: no runtime for $(uname -m)" >&2; exit 2 ;;
esac
case "$(uname -s)" in
    Linux) system=linux ;;
    Darwin) system=osx ;;
    *) echo "publish.sh: run it on Linux or macOS" >&2; exit 2 ;;
esac
mode=${CLOUDIMAGE_PUBLISH:-native}
if [ "$mode" = native ] && ! command -v clang >/dev/null && ! command -v gcc >/dev/null; then
    mode=jit
fi
if [ "$mode" = native ]; then
    options=(-p:PublishAot=true -p:IlcInstructionSet=native -p:OptimizationPreference=Speed -p:StripSymbols=true
        -p:IlcDehydrate=false)
    command -v clang >/dev/null || options+=(-p:CppCompilerAndLinker=gcc)
else
    options=(-p:PublishSingleFile=true -p:PublishReadyToRun=true -p:SelfContained=true -p:TieredPGO=false)
fi
# A lock file of its own: the one beside the project does not know this machine's runtime.
dotnet publish samples/CloudImage.Cli -c Release -r "$system-$architecture" -o "$out" -nologo -v quiet \
    -p:DebugType=none -p:PackAsTool=false -p:NuGetLockFilePath="obj/publish.lock.json" -p:RestoreLockedMode=false "${options[@]}"
rm -f "$out"/*.dbg "$out"/*.pdb "$out"/*.xml
"$out/cloudimage" --version >/dev/null
echo "$out/cloudimage ($mode, $(du -h "$out/cloudimage" | cut -f1))"
