using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>A declaration that keeps packs alive.</summary>
/// <param name="Session">Whose it is.</param>
/// <param name="Number">Its number.</param>
/// <param name="IsCommitted">Whether it is the fated prep of a snapshot; else one of a session that is undecided.</param>
/// <param name="Refs">The packs.</param>
internal readonly record struct LivePrep(SessionId Session, int Number, bool IsCommitted, RefSet Refs);
