using CocoGuest.Machine.Memory.Encryption;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Machine.Encryption;

/// <summary>Each test runs on the AES instructions where the machine has them, and on the portable implementation.</summary>
public sealed class XexEngineTests
{
    private const ulong Seed = 0x1122334455667788;
    private const int Asid = 7;

    public static TheoryData<bool> Implementations => [false, true];

    [Theory]
    [MemberData(nameof(Implementations))]
    [Statement("S-ENC-06")]
    public void Encrypt_AnyRun_EqualsReference(bool portable)
    {
        using var reference = new ReferenceXex(Seed, Asid);
        SameAs(reference, portable).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Encrypt_ComparedWithPlantedBug_Differs()
    {
        using var wrong = new ReferenceXex(Seed, Asid) { WrongTweak = true };
        Exception found = Assert.ThrowsAny<Exception>(() => SameAs(wrong, portable: false).QuickCheckThrowOnFailure());
        Assert.StartsWith("Falsifiable", found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encrypt_PortableAndNative_AgreeBitForBit() =>
        Prop.ForAll(Runs(), run =>
        {
            (XexEngine native, XexEngine portable) = (new XexEngine(run.Seed, Asid), new XexEngine(run.Seed, Asid, portable: true));
            return Encrypt(native, run.Plain, run.Address).SequenceEqual(Encrypt(portable, run.Plain, run.Address))
                && Decrypt(native, run.Plain, run.Address).SequenceEqual(Decrypt(portable, run.Plain, run.Address));
        }).QuickCheckThrowOnFailure();

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Decrypt_AnyRunThreeTimes_RestoresPlainWhetherTweaksAreCachedOrNot(bool portable)
    {
        var engine = new XexEngine(Seed, Asid, portable);
        Prop.ForAll(Runs(), run => Enumerable.Range(0, 3).All(_ =>
            Decrypt(engine, Encrypt(engine, run.Plain, run.Address), run.Address).SequenceEqual(run.Plain))).QuickCheckThrowOnFailure();
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Encrypt_InPlace_EqualsOutOfPlace(bool portable)
    {
        var engine = new XexEngine(Seed, Asid, portable);
        Prop.ForAll(Runs(), run =>
        {
            byte[] expected = Encrypt(engine, run.Plain, run.Address);
            byte[] buffer = run.Plain.ToArray();
            engine.Encrypt(buffer, buffer, run.Address);
            bool same = buffer.SequenceEqual(expected);
            engine.Decrypt(buffer, buffer, run.Address);
            return same && buffer.SequenceEqual(run.Plain);
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    [Statement("S-ENC-02")]
    public void Encrypt_SamePlainAddressAndKey_GivesSameCipher(bool portable)
    {
        byte[] plain = Bytes(4096);
        Assert.Equal(Encrypt(new(Seed, Asid, portable), plain, 0x5000), Encrypt(new(Seed, Asid, portable), plain, 0x5000));
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    [Statement("S-ENC-02")]
    public void Encrypt_OneByteChanged_ChangesOnlyItsBlock(bool portable)
    {
        var engine = new XexEngine(Seed, Asid, portable);
        byte[] plain = Bytes(4096);
        string[] before = Blocks(Encrypt(engine, plain, 0x5000));
        plain[1000] ^= 1;
        string[] after = Blocks(Encrypt(engine, plain, 0x5000));
        Assert.Equal([1000 / 16], Enumerable.Range(0, 256).Where(i => before[i] != after[i]));
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    [Statement("S-ENC-02", "S-ENC-01")]
    public void Decrypt_CipherMovedToAnotherAddress_GivesGarbageInEachBlock(bool portable)
    {
        var engine = new XexEngine(Seed, Asid, portable);
        byte[] plain = Bytes(4096);
        AssertNoBlockEqual(plain, Decrypt(engine, Encrypt(engine, plain, 0x5000), 0x6000));
    }

    [Theory]
    [InlineData(Seed, Asid + 1, false)]
    [InlineData(Seed, Asid + 1, true)]
    [InlineData(Seed + 1, Asid, false)]
    [InlineData(Seed + 1, Asid, true)]
    [Statement("S-ENC-02", "S-ENC-01")]
    public void Decrypt_OtherKey_GivesGarbageInEachBlock(ulong seed, int keyId, bool portable)
    {
        byte[] plain = Bytes(4096);
        byte[] cipher = Encrypt(new(Seed, Asid, portable), plain, 0x5000);
        AssertNoBlockEqual(plain, Decrypt(new(seed, keyId, portable), cipher, 0x5000));
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    [Statement("S-ENC-02")]
    public void Decrypt_OldCipherReplayed_GivesOldPlain(bool portable)
    {
        var engine = new XexEngine(Seed, Asid, portable);
        byte[] dram = Encrypt(engine, Bytes(64), 0x5000);
        byte[] recorded = dram.ToArray();
        engine.Encrypt(new byte[64], dram, 0x5000);
        recorded.CopyTo(dram, 0);
        Assert.Equal(Bytes(64), Decrypt(engine, dram, 0x5000));
    }

    [Theory]
    [InlineData(16, 16, 8)] // address inside a block
    [InlineData(8, 8, 0)] // half a block
    [InlineData(32, 16, 0)] // lengths differ
    [InlineData(32, 32, ulong.MaxValue - 15)] // over the end of the address space
    public void Encrypt_NotWholeBlocks_Throws(int plain, int cipher, ulong address) =>
        Assert.Throws<ArgumentException>(() => new XexEngine(Seed, Asid).Encrypt(new byte[plain], new byte[cipher], address));

    [Fact]
    public void Decrypt_BuffersOverlapInPart_Throws()
    {
        byte[] buffer = new byte[64];
        Assert.Throws<ArgumentException>(() => new XexEngine(Seed, Asid).Decrypt(buffer.AsSpan(0, 32), buffer.AsSpan(16, 32), 0));
    }

    [Fact]
    public void Encrypt_HotPage_AllocatesNoManagedMemory()
    {
        var engine = new XexEngine(Seed, Asid);
        byte[] buffer = Bytes(4096);
        for (int i = 0; i < 3; i++)
            engine.Encrypt(buffer, buffer, 0x5000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        engine.Encrypt(buffer, buffer, 0x5000);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Encrypt_StreamOverManyPages_KeepsNoTweaks()
    {
        var engine = new XexEngine(Seed, Asid);
        byte[] buffer = Bytes(4096);
        Stream();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Stream();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Stream()
        {
            for (ulong page = 0UL; page < 4096; page++)
                engine.Encrypt(buffer, buffer, page << 12);
        }
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Encrypt_ManyThreadsOnPagesThatCollideInTheCache_StaysRight(bool portable)
    {
        var engine = new XexEngine(Seed, Asid, portable);
        using var reference = new ReferenceXex(Seed, Asid);
        byte[] plain = Bytes(4096);
        ulong[] addresses = Enumerable.Range(0, 4).Select(i => 0x5000UL + ((ulong)i << 20)).ToArray();
        byte[][] expected = addresses.Select(address => reference.Encrypt(plain, address)).ToArray();
        int wrong = 0;
        Parallel.For(0, 2000, new() { MaxDegreeOfParallelism = 4 }, i =>
        {
            // Each page three times in a row, so that threads evict each other's pages all the time.
            int which = i / 3 % addresses.Length;
            if (!Encrypt(engine, plain, addresses[which]).AsSpan().SequenceEqual(expected[which]))
                Interlocked.Increment(ref wrong);
        });
        Assert.Equal(0, wrong);
    }

    private static Property SameAs(ReferenceXex reference, bool portable) =>
        Prop.ForAll(Runs(), run =>
        {
            var engine = new XexEngine(Seed, Asid, portable);
            byte[] expected = reference.Encrypt(run.Plain, run.Address);
            return Enumerable.Range(0, 3).All(_ => Encrypt(engine, run.Plain, run.Address).SequenceEqual(expected));
        });

    /// <summary>Runs of 0..600 blocks, most of them short, at any block address: low, high, and just below and above 2^44.</summary>
    private static Arbitrary<Run> Runs()
    {
        Gen<ulong> highs = Gen.Elements(0UL, 1UL << 32, (1UL << 44) - 8192, 1UL << 44, 0x0fff_ffff_0000_0000UL, ulong.MaxValue << 16);
        Gen<int> blocks = Gen.OneOf(Gen.Choose(0, 20), Gen.Choose(0, 600));
        return (from high in highs
                from low in Gen.Choose(0, 1023)
                from count in blocks
                from seed in Gen.Choose(0, int.MaxValue - 1)
                select new Run((ulong)seed, high + ((ulong)low << 4), Bytes(count * 16, seed))).ToArbitrary();
    }

    private static byte[] Bytes(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Encrypt(XexEngine engine, byte[] plain, ulong address)
    {
        byte[] cipher = new byte[plain.Length];
        engine.Encrypt(plain, cipher, address);
        return cipher;
    }

    private static byte[] Decrypt(XexEngine engine, byte[] cipher, ulong address)
    {
        byte[] plain = new byte[cipher.Length];
        engine.Decrypt(cipher, plain, address);
        return plain;
    }

    private static string[] Blocks(byte[] bytes) => [.. bytes.Chunk(16).Select(Convert.ToHexString)];

    private static void AssertNoBlockEqual(byte[] plain, byte[] other) =>
        Assert.All(Blocks(plain).Zip(Blocks(other)), pair => Assert.NotEqual(pair.First, pair.Second));

    public sealed record Run(ulong Seed, ulong Address, byte[] Plain)
    {
        public override string ToString() => $"{Plain.Length} bytes at 0x{Address:x}, seed {Seed}";
    }
}
