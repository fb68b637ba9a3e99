using System;
using System.Collections.Generic;
using System.Globalization;

namespace CloudImage.Sdk.Storage;

/// <summary>Where a store is, as text: <c>scheme://container/prefix?name=value&amp;name=value</c>.</summary>
/// <remarks>
/// <para>The container is what the service calls a bucket or a container. The prefix begins the names of all objects of the store, so
/// that several stores share one container. What the parameters mean is the provider's to say; each is taken once, and
/// <see cref="ThrowIfAnyLeft"/> refuses those that nobody knew.</para>
/// <para>An address carries no secret: a user name or a password in it is refused. Not safe for use by several threads at once.</para>
/// </remarks>
public sealed class ObjectStoreAddress
{
    private readonly Dictionary<string, string> _parameters;
    private readonly SortedSet<string> _left;
    private readonly SortedSet<string> _asked = new(StringComparer.Ordinal);

    private ObjectStoreAddress(string scheme, string container, string prefix, Dictionary<string, string> parameters)
    {
        Scheme = scheme;
        Container = container;
        Prefix = prefix;
        _parameters = parameters;
        _left = new SortedSet<string>(parameters.Keys, StringComparer.Ordinal);
    }

    /// <summary>What comes before <c>://</c>, in lower case: <c>s3</c>, <c>az</c>, <c>gs</c>, <c>swift</c>.</summary>
    public string Scheme { get; }

    /// <summary>The bucket or container.</summary>
    public string Container { get; }

    /// <summary>What the names of all objects begin with, without a '/' at either end; empty for the whole container.</summary>
    public string Prefix { get; }

    /// <summary>Whether a text is an address and not the path of a folder: whether it has a scheme.</summary>
    /// <param name="text">The text.</param>
    /// <returns>Whether it holds <c>://</c>.</returns>
    public static bool IsAddress(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Contains("://", StringComparison.Ordinal);
    }

    /// <summary>Reads an address.</summary>
    /// <param name="text">The text; parameters are percent-encoded as in any URL.</param>
    /// <returns>The address.</returns>
    /// <exception cref="FormatException">It is no address, its prefix cannot begin the names of objects, it holds a secret, or names a parameter twice.</exception>
    public static ObjectStoreAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int schemeEnd = text.IndexOf("://", StringComparison.Ordinal);
        string scheme = schemeEnd > 0 ? text[..schemeEnd] : string.Empty;
        if (!Uri.CheckSchemeName(scheme))
        {
            throw new FormatException($"'{text}' is no address of a store: scheme://container/prefix was expected.");
        }

        string rest = text[(schemeEnd + 3)..];
        int queryStart = rest.IndexOf('?', StringComparison.Ordinal);
        string path = queryStart < 0 ? rest : rest[..queryStart];
        string query = queryStart < 0 ? string.Empty : rest[(queryStart + 1)..];
        if (path.Contains('@', StringComparison.Ordinal))
        {
            throw new FormatException($"The address of a store in {scheme}:// holds a '@': credentials come from the service's own places, never from an address.");
        }

        int containerEnd = path.IndexOf('/', StringComparison.Ordinal);
        string container = containerEnd < 0 ? path : path[..containerEnd];
        string prefix = containerEnd < 0 ? string.Empty : path[containerEnd..].Trim('/');
        if (container.Length == 0)
        {
            throw new FormatException($"'{text}' names no bucket or container: {scheme}://container/prefix was expected.");
        }

        if (prefix.Length > 0 && !ObjectNames.IsValid(prefix))
        {
            throw new FormatException($"'{prefix}' cannot begin the names of objects: segments of letters, digits and -_.%+=@~, joined by '/' were expected.");
        }

        return new ObjectStoreAddress(scheme.ToLowerInvariant(), container, prefix, ParseQuery(query));
    }

    /// <summary>Takes a parameter.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Its value; null where the address does not have it.</returns>
    public string? Take(string name)
    {
        _asked.Add(name);
        _left.Remove(name);
        return _parameters.GetValueOrDefault(name);
    }

    /// <summary>Takes a parameter that says yes or no.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Whether it is <c>true</c>; false where the address does not have it.</returns>
    /// <exception cref="FormatException">It is neither <c>true</c> nor <c>false</c>.</exception>
    public bool TakeFlag(string name) => Take(name) switch
    {
        null or "false" => false,
        "true" => true,
        string other => throw new FormatException($"Parameter {name} is '{other}': true or false was expected."),
    };

    /// <summary>Takes a parameter that is a whole number.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="minimum">The least that is allowed.</param>
    /// <param name="maximum">The most that is allowed.</param>
    /// <returns>The number; null where the address does not have it.</returns>
    /// <exception cref="FormatException">It is no number from <paramref name="minimum"/> to <paramref name="maximum"/>.</exception>
    public int? TakeNumber(string name, int minimum, int maximum)
    {
        if (Take(name) is not { } value)
        {
            return null;
        }

        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= minimum && number <= maximum
            ? number
            : throw new FormatException($"Parameter {name} is '{value}': a number from {minimum} to {maximum} was expected.");
    }

    /// <summary>Takes a parameter that is an http or https address.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The address; null where there is none.</returns>
    /// <exception cref="FormatException">It is no http or https address, or holds a user name or password.</exception>
    public Uri? TakeUri(string name)
    {
        if (Take(name) is not { } value)
        {
            return null;
        }

        return Uri.TryCreate(value, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0
            ? uri
            : throw new FormatException($"Parameter {name} is no http:// or https:// address without credentials.");
    }

    /// <summary>Refuses the address if it has a parameter that was not taken.</summary>
    /// <exception cref="FormatException">There is one; the message names it and those that are known.</exception>
    public void ThrowIfAnyLeft()
    {
        if (_left.Count > 0)
        {
            throw new FormatException($"Stores in {Scheme}:// know no parameter '{_left.Min}'; they know {string.Join(", ", _asked)}.");
        }
    }

    /// <summary>Scheme, container and prefix: for messages.</summary>
    /// <returns>The address without its parameters.</returns>
    public override string ToString() => Prefix.Length == 0 ? $"{Scheme}://{Container}" : $"{Scheme}://{Container}/{Prefix}";

    private static Dictionary<string, string> ParseQuery(string query)
    {
        Dictionary<string, string> parameters = new(StringComparer.Ordinal);
        foreach (string part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string name = Uri.UnescapeDataString(equals < 0 ? part : part[..equals]);
            string value = equals < 0 ? "true" : Uri.UnescapeDataString(part[(equals + 1)..]);
            if (!parameters.TryAdd(name, value))
            {
                throw new FormatException($"The address of a store names parameter '{name}' twice.");
            }
        }

        return parameters;
    }
}
