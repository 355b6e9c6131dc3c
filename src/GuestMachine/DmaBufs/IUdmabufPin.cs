namespace CocoGuest.Machine.DmaBufs;

/// <summary>Pages that a udmabuf holds. Under the guest's lock.</summary>
internal interface IUdmabufPin
{
    /// <summary>The udmabuf lets go of them.</summary>
    void Release();
}
