using System;

namespace CloudImage.Cli;

/// <summary>The command line asks for something that cannot be: told without a stack trace.</summary>
internal sealed class UsageException(string message) : Exception(message);
