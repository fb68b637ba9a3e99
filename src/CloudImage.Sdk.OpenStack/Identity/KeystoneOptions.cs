using System;

namespace CloudImage.Sdk.OpenStack.Identity;

/// <summary>What a program shows to Keystone, with the names that clouds.yaml and the OS_* variables have.</summary>
/// <remarks>
/// Either an application credential (<see cref="ApplicationCredentialId"/>, or name and user, and
/// <see cref="ApplicationCredentialSecret"/>), or a user with <see cref="Password"/> and a project. The text of an instance holds no secret.
/// </remarks>
public sealed class KeystoneOptions
{
    /// <summary>Address of Keystone, with or without <c>/v3</c>.</summary>
    public required Uri AuthUrl { get; init; }

    /// <summary>Id of an application credential; null for none.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? ApplicationCredentialId { get; init; }

    /// <summary>Name of an application credential of the user, where its id is not given.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? ApplicationCredentialName { get; init; }

    /// <summary>Secret of the application credential.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? ApplicationCredentialSecret { get; init; }

    /// <summary>Name of the user.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? UserName { get; init; }

    /// <summary>Id of the user, which needs no domain.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? UserId { get; init; }

    /// <summary>Name of the user's domain.</summary>
    /// <value>The default value is <see langword="null"/>: the domain with the id <c>default</c>.</value>
    public string? UserDomainName { get; init; }

    /// <summary>Id of the user's domain.</summary>
    /// <value>The default value is <see langword="null"/>: the domain with the id <c>default</c>.</value>
    public string? UserDomainId { get; init; }

    /// <summary>The user's password.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? Password { get; init; }

    /// <summary>Name of the project that the token is for.</summary>
    /// <value>The default value is <see langword="null"/>: the user's default project.</value>
    public string? ProjectName { get; init; }

    /// <summary>Id of the project that the token is for.</summary>
    /// <value>The default value is <see langword="null"/>: the user's default project.</value>
    public string? ProjectId { get; init; }

    /// <summary>Name of the project's domain.</summary>
    /// <value>The default value is <see langword="null"/>: the domain with the id <c>default</c>.</value>
    public string? ProjectDomainName { get; init; }

    /// <summary>Id of the project's domain.</summary>
    /// <value>The default value is <see langword="null"/>: the domain with the id <c>default</c>.</value>
    public string? ProjectDomainId { get; init; }

    /// <summary>Whether an application credential is named.</summary>
    internal bool HasApplicationCredential => ApplicationCredentialId is not null || ApplicationCredentialName is not null;

    /// <summary>Who asks, without secrets.</summary>
    /// <returns>The text.</returns>
    public override string ToString() =>
        HasApplicationCredential ? $"application credential '{ApplicationCredentialId ?? ApplicationCredentialName}'" : $"user '{UserName ?? UserId}'";

    internal void Validate()
    {
        if (HasApplicationCredential)
        {
            if (string.IsNullOrEmpty(ApplicationCredentialSecret))
            {
                throw new ArgumentException("An application credential needs its secret.");
            }

            if (ApplicationCredentialId is null && UserName is null && UserId is null)
            {
                throw new ArgumentException("An application credential that is named needs its user; its id needs none.");
            }

            return;
        }

        if ((UserName is null && UserId is null) || string.IsNullOrEmpty(Password))
        {
            throw new ArgumentException("Keystone wants an application credential (id and secret), or a user with a password.");
        }
    }
}
