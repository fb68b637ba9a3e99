using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A request as a <see cref="FaultProxy"/> saw it.</summary>
public sealed class ProxiedRequest
{
    internal ProxiedRequest(int number, string method, string target, IReadOnlyDictionary<string, string> headers)
    {
        Number = number;
        Method = method;
        Target = target;
        Headers = headers;
    }

    /// <summary>Its number, from 0, over all connections.</summary>
    public int Number { get; }

    /// <summary>GET, PUT, ...</summary>
    public string Method { get; }

    /// <summary>Path and query as they were sent.</summary>
    public string Target { get; }

    /// <summary>Its headers, whatever the case of their names.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    /// <summary>Length of the body as announced; 0 where it is sent in pieces of unannounced number.</summary>
    public long ContentLength => Headers.TryGetValue("Content-Length", out string? text) ? long.Parse(text) : 0;

    /// <summary>What was done to it.</summary>
    public ProxyFault Fault { get; internal set; }

    /// <summary>Status of the answer that the client was told; 0 where none was.</summary>
    public int Status { get; internal set; }

    public override string ToString() => $"{Number} {Method} {Target} {Fault} {Status}";
}
