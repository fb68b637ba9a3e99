using System.Collections.Generic;
using System.Text.Json.Serialization;

namespace CloudImage.Cli.Output;

/// <summary>Serializers of the answers, generated at build time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(InfoAnswer))]
[JsonSerializable(typeof(List<MapAnswer>))]
[JsonSerializable(typeof(ConvertAnswer))]
[JsonSerializable(typeof(CompareAnswer))]
[JsonSerializable(typeof(HashAnswer))]
[JsonSerializable(typeof(CheckAnswer))]
[JsonSerializable(typeof(ResizeAnswer))]
[JsonSerializable(typeof(List<FormatAnswer>))]
[JsonSerializable(typeof(RepoInitAnswer))]
[JsonSerializable(typeof(RepoStatsAnswer))]
[JsonSerializable(typeof(CopyAnswer))]
[JsonSerializable(typeof(SnapshotAnswer))]
[JsonSerializable(typeof(List<SnapshotAnswer>))]
[JsonSerializable(typeof(SnapshotCreateAnswer))]
[JsonSerializable(typeof(DiffAnswer))]
[JsonSerializable(typeof(ApplyAnswer))]
[JsonSerializable(typeof(VerifyAnswer))]
[JsonSerializable(typeof(DeleteAnswer))]
[JsonSerializable(typeof(TraceAnswer))]
[JsonSerializable(typeof(List<KeptTraceAnswer>))]
[JsonSerializable(typeof(SignAnswer))]
[JsonSerializable(typeof(ProveAnswer))]
[JsonSerializable(typeof(VerifyProofAnswer))]
[JsonSerializable(typeof(List<KeySlotAnswer>))]
[JsonSerializable(typeof(KeyChangeAnswer))]
[JsonSerializable(typeof(PruneAnswer))]
[JsonSerializable(typeof(HoldAnswer))]
[JsonSerializable(typeof(RestoreAnswer))]
[JsonSerializable(typeof(GcAnswer))]
[JsonSerializable(typeof(ProbeAnswer))]
[JsonSerializable(typeof(List<InterruptedAnswer>))]
internal sealed partial class AnswerContext : JsonSerializerContext;
