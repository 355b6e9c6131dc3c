namespace CocoGuest.Machine.Files;

/// <summary>
/// Who holds something of an owner that can go: of a process that ends, of a device that is unplugged. Rooms put themselves in while the
/// guest is put together; they let go in the order of <typeparamref name="TOrder"/>, not in that of their coming.
/// </summary>
/// <typeparam name="TOwner">What goes.</typeparam>
/// <typeparam name="TOrder">The table of the order, first to last.</typeparam>
internal sealed class Holders<TOwner, TOrder>
    where TOrder : struct, Enum
{
    private readonly SortedList<TOrder, Action<TOwner>> _letGo = [];

    /// <summary>Puts a room in; each place is taken once.</summary>
    public void Add(TOrder place, Action<TOwner> letGo) => _letGo.Add(place, letGo);

    /// <summary>The owner goes: everybody lets go, in order.</summary>
    public void LetGo(TOwner owner)
    {
        foreach (Action<TOwner> one in _letGo.Values)
        {
            one(owner);
        }
    }
}
