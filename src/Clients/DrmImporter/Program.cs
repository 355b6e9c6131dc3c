using CocoGuest.Client;
using CocoGuest.DrmImporter;
using CocoGuest.Importer;

const string Description = """
    The DRM importer: a T=0 GPU as a process of its own. It imports buffers by the PRIME rules (the same handle again for a buffer that it
    has), runs jobs through its device's view of memory, and signals their fences in order.

    Control: one JSON object a line on stdin, one answer a line on stdout; first comes a line "ready {...}".
      {"id":1,"op":"import","token":HEX}                          -> {"fd","size","ino","hostVisible"}
      {"id":1,"op":"alloc","heap":NAME,"len":BYTES}               -> {"fd","size","ino","hostVisible"}
      {"id":1,"op":"store","fd":N,"offset":N,"data":BASE64}       CPU write by the importer's process; "load" with "length" reads
      {"id":1,"op":"fd-to-handle","fd":N}                         -> {"handle","cached","size","segments","bounced","direct"}
      {"id":1,"op":"handle-to-fd","handle":N,"flags":N}           -> {"fd",..}; an fd on the original dma-buf
      {"id":1,"op":"export","fd":N}                               -> {"token"}
      {"id":1,"op":"gem-close","handle":N}                        bounced bytes go back to the buffer with the last user
      {"id":1,"op":"fill","handle":N,"offset":0,"length":N,"value":N}
      {"id":1,"op":"copy","src":N,"dst":N,"srcOffset":0,"dstOffset":0,"length":N}
      {"id":1,"op":"checksum","handle":N,"offset":0,"length":N}   SHA-256
      {"id":1,"op":"convolve","src":N,"dst":N,"width":W,"height":H}
                                                                  XRGB8888, row pitch a multiple of 64 bytes;
                                                                  kernel 0 -1 0 / -1 5 -1 / 0 -1 0
                                                                  jobs answer {"context","seqno"} at once
      {"id":1,"op":"wait","seqno":N}                              -> the fence: {"context","seqno","job","ok","result"|"error"}
      {"id":1,"op":"close","fd":N} {"id":1,"op":"stats"} {"id":1,"op":"exit"}
    Numbers may be texts such as "0x1000". Errors: {"id":1,"ok":false,"error":{"errno","errnoName","operation","step","message"}}.
    Events: {"event":"fence",...} when a job is done, {"event":"revoked"}, {"event":"server-gone"}.
    Exit codes: 0; 1 when it failed; 3 when the server is gone.
    """;

var options = new ImporterOptions("drm-importer", "card0");
return await ImporterProgram.RunAsync(args, Description, options, _ => { }, async (parsed, process, loop, cancel) =>
{
    GuestDevice device = await process.RegisterDeviceAsync(options.Device(parsed, "drm"), cancel);
    await using var control = new DrmControl(process, device, loop);
    return await control.RunAsync(cancel);
});
