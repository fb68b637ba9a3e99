using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>The keys and seals of an encrypted repository, written from Encryption/FORMAT.md alone, with the primitives of .NET and keyed BLAKE3.</summary>
internal sealed class FormatKeys
{
    private const int SealOverhead = 32;
    private readonly Dictionary<uint, byte[]> _secrets = [];

    /// <summary>Unwraps what a holder can.</summary>
    /// <param name="objects">All objects of the repository.</param>
    /// <param name="holder">A passphrase (a string), the content of a key file (bytes), or a certificate with its private key.</param>
    public FormatKeys(IReadOnlyDictionary<string, byte[]> objects, object holder)
    {
        Dictionary<uint, byte[]> marks = [];
        List<(uint Epoch, byte[] Check, string Kind, byte[] Wrapped)> slots = [];
        foreach ((string name, byte[] content) in objects.Where(static pair => pair.Key.StartsWith("k/", StringComparison.Ordinal)))
        {
            byte[] hashed = [.. Encoding.UTF8.GetBytes(name), 0, .. content.AsSpan(0, content.Length - 32)];
            Require(SHA256.HashData(hashed).AsSpan().SequenceEqual(content.AsSpan(content.Length - 32)), name);
            using BinaryReader reader = new(new MemoryStream(content, 0, content.Length - 32));
            Require(reader.ReadBytes(4).AsSpan().SequenceEqual("CIK0"u8) && reader.ReadUInt32() == 0, name);
            uint epoch = reader.ReadUInt32();
            byte[] check = reader.ReadBytes(16);
            string kind = Encoding.ASCII.GetString(reader.ReadBytes(reader.ReadUInt16()));
            reader.ReadBytes(reader.ReadUInt16());
            byte[] wrapped = reader.ReadBytes(reader.ReadUInt16());
            Require(reader.BaseStream.Position == reader.BaseStream.Length && name.StartsWith($"k/{epoch:d6}/", StringComparison.Ordinal), name);
            if (name.EndsWith("/epoch", StringComparison.Ordinal))
            {
                marks.Add(epoch, check);
            }
            else
            {
                slots.Add((epoch, check, kind, wrapped));
            }
        }

        foreach ((uint epoch, byte[] check, string kind, byte[] wrapped) in slots.Where(slot => marks.TryGetValue(slot.Epoch, out byte[]? mark) && mark.AsSpan().SequenceEqual(slot.Check)))
        {
            byte[] number = new byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(number, epoch);
            byte[] bound = [.. "cloudimage epoch 0"u8, .. number, .. check];
            if (TryUnwrap(kind, wrapped, bound, holder) is { } secret)
            {
                Require(Derive(secret.AsSpan(0, 32), "cloudimage check")[..16].AsSpan().SequenceEqual(check), "check of the master key");
                _secrets[epoch] = secret;
            }
        }
    }

    public int EpochCount => _secrets.Count;

    /// <summary>The id of a digest in the epoch that a sealed payload names.</summary>
    public byte[] IdOf(ReadOnlySpan<byte> sealedPayload, ReadOnlySpan<byte> digest)
    {
        byte[] id = new byte[32];
        Blake3.KeyedHashData(Key(sealedPayload, "cloudimage ids"), digest, id);
        return id;
    }

    public byte[] OpenFrame(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload, bool isNode) =>
        OpenEpoch(payload, isNode ? "cloudimage trees" : "cloudimage frames", isNode ? "node" : "frame", header);

    public byte[] OpenDescriptor(string sid, ReadOnlySpan<byte> descriptor) =>
        OpenEpoch(descriptor, "cloudimage trees", "descriptor", Encoding.ASCII.GetBytes($"s/{sid}/"));

    public string HashName(string image) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(_secrets[_secrets.Keys.Max()].AsSpan(32), Encoding.UTF8.GetBytes(image))[..16]);

    // A seal that does not open is another holder's.
    private static byte[]? TryUnwrap(string kind, byte[] wrapped, byte[] bound, object holder)
    {
        try
        {
            return Unwrap(kind, wrapped, bound, holder);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private static byte[]? Unwrap(string kind, byte[] wrapped, byte[] bound, object holder)
    {
        switch (kind, holder)
        {
            case ("pbkdf2", string passphrase):
                int iterations = BinaryPrimitives.ReadInt32LittleEndian(wrapped);
                byte[] stretched = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(passphrase), wrapped.AsSpan(4, 16), iterations, HashAlgorithmName.SHA512, 32);
                return Open(stretched, "pbkdf2", bound, wrapped.AsSpan(20));
            case ("key-file", byte[] file):
                byte[] extracted = HKDF.Extract(HashAlgorithmName.SHA256, file, "CloudImage.Sdk key file"u8.ToArray());
                return Open(extracted, "key-file", bound, wrapped);
            case ("rsa-oaep-sha256" or "ecdh", X509Certificate2 certificate):
                Require(SHA256.HashData(certificate.RawData).AsSpan().SequenceEqual(wrapped.AsSpan(0, 32)), "thumbprint");
                byte[] given = wrapped[34..(34 + BinaryPrimitives.ReadUInt16LittleEndian(wrapped.AsSpan(32)))];
                byte[] key = kind == "ecdh" ? Agree(certificate, given) : certificate.GetRSAPrivateKey()!.Decrypt(given, RSAEncryptionPadding.OaepSHA256);
                return Open(key, "certificate", bound, wrapped.AsSpan(34 + given.Length));
            default:
                return null;
        }
    }

    private static byte[] Agree(X509Certificate2 certificate, byte[] freshKey)
    {
        using ECDiffieHellman own = certificate.GetECDiffieHellmanPrivateKey()!;
        using ECDiffieHellman fresh = ECDiffieHellman.Create();
        fresh.ImportSubjectPublicKeyInfo(freshKey, out _);
        byte[] point = own.DeriveRawSecretAgreement(fresh.PublicKey);
        return HKDF.DeriveKey(HashAlgorithmName.SHA256, point, 32, [], [.. freshKey, .. certificate.PublicKey.ExportSubjectPublicKeyInfo()]);
    }

    private byte[] OpenEpoch(ReadOnlySpan<byte> sealedContent, string keyLabel, string label, ReadOnlySpan<byte> bound) =>
        Open(Key(sealedContent, keyLabel), label, bound, sealedContent[4..]);

    private byte[] Key(ReadOnlySpan<byte> sealedContent, string label) =>
        Derive(_secrets[BinaryPrimitives.ReadUInt32LittleEndian(sealedContent)].AsSpan(0, 32), label);

    private static byte[] Derive(ReadOnlySpan<byte> master, string label)
    {
        byte[] key = new byte[32];
        HKDF.Expand(HashAlgorithmName.SHA256, master, key, Encoding.ASCII.GetBytes(label));
        return key;
    }

    private static byte[] Open(byte[] key, string label, ReadOnlySpan<byte> bound, ReadOnlySpan<byte> message)
    {
        byte[] messageKey = new byte[32];
        HKDF.Expand(HashAlgorithmName.SHA256, key, messageKey, [.. Encoding.ASCII.GetBytes(label), .. message[..16]]);
        byte[] plain = new byte[message.Length - SealOverhead];
        using AesGcm cipher = new(messageKey, 16);
        cipher.Decrypt(new byte[12], message[16..^16], message[^16..], plain, bound);
        return plain;
    }

    private static void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidDataException(what);
        }
    }
}
