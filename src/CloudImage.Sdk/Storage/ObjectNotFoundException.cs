using System;

namespace CloudImage.Sdk.Storage;

/// <summary>There is no object of this name in the store.</summary>
public sealed class ObjectNotFoundException : ObjectStoreException
{
    /// <summary>Makes an exception with a general message.</summary>
    public ObjectNotFoundException()
        : base("The object does not exist.")
    {
    }

    /// <summary>Makes an exception about an object.</summary>
    /// <param name="objectName">Name of the object.</param>
    public ObjectNotFoundException(string objectName)
        : base(objectName, "it does not exist in the store.", null)
    {
    }

    /// <summary>Makes an exception about an object that another one caused.</summary>
    /// <param name="objectName">Name of the object.</param>
    /// <param name="innerException">The cause.</param>
    public ObjectNotFoundException(string objectName, Exception? innerException)
        : base(objectName, "it does not exist in the store.", innerException)
    {
    }
}
