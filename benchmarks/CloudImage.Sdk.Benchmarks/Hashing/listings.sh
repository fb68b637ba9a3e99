#!/usr/bin/env bash
# Prints, for each hot kernel, what its machine code says of it: size, vector spills to the stack frame, bounds checks
# and calls inside. Ends with 1 when a kernel that must keep its state in registers does not.
#   listings.sh [--no-build]
set -euo pipefail
cd "$(dirname "$0")/../../.."
project=benchmarks/CloudImage.Sdk.Benchmarks
[ "${1:-}" = --no-build ] || dotnet build "$project" -c Release -v quiet -nologo
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
methods='Compress CompressPair CompressStaggered Find512 Find256 Find128 IsZero512 IsZero256 IsZero128'
for isa in avx512: avx2:DOTNET_EnableAVX512=0 vector128:DOTNET_EnableAVX2=0; do
    env ${isa#*:} CLOUDIMAGE_EXPECT_ISA="${isa%%:*}" DOTNET_TieredPGO=0 DOTNET_TieredCompilation=0 \
        DOTNET_JitStdOutFile="$work/${isa%%:*}" DOTNET_JitDisasm="$methods" DOTNET_JitDisasmDiffable=1 \
        dotnet "$project/bin/Release/net10.0/CloudImage.Sdk.Benchmarks.dll" touch
done
status=0
echo "| instruction set | kernel | instructions | vector spills | bounds checks | calls |"
echo "|---|---|---|---|---|---|"
for isa in avx512 avx2 vector128; do
    # A spill is a vector moved to or from a slot of the frame; operands named through a register are the kernel's own
    # buffers. RNGCHKFAIL is the throw behind a bounds check. CORINFO_HELP_FAIL_FAST guards the stack buffer: not a call of the loop.
    awk -v isa="$isa" '
        function flush() {
            if (name != "") printf "| %s | %s | %d | %d | %d | %d |\n", isa, name, code, spills, checks, calls
        }
        /^; Assembly listing for method/ {
            flush(); name = $6; sub(/\(.*/, "", name); sub(/\[.*\+/, "[", name); sub(/.*\.Sdk\./, "", name)
            if (name !~ /^(Hashing|Chunking)\./) name = ""
            code = spills = checks = calls = 0; next
        }
        /^ +[a-z]/ {
            code++
            if ($1 ~ /^v?mov/ && /[xyz]mmword ptr \[r[sb]p/) spills++
            if (/RNGCHKFAIL/) checks++
            if ($1 == "call" && !/RNGCHKFAIL|FAIL_FAST/) calls++
        }
        END { flush() }' "$work/$isa" | sort -u | tee -a "$work/table"
done
# All must, but for the plain BLAKE3 compressions (NOTES.md says why). Calls come after the loops (storing results): only printed.
if awk -F'|' '!/Blake3Vector[0-9]+:Compress \|/ && ($5 + $6 > 0) { bad = 1; print "not in registers:" $3 } END { exit !bad }' "$work/table"; then
    status=1
fi
exit $status
