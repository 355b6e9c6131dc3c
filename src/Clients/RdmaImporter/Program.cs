using CocoGuest.Client;
using CocoGuest.Importer;
using CocoGuest.RdmaImporter;

const string Description = """
    The RDMA importer: a T=0 HCA as a process of its own. It registers its device, imports buffers by share token, and serves RDMA WRITE
    and READ to a peer importer.

    Control: one JSON object a line on stdin, one answer a line on stdout; first comes a line "ready {...}".
      {"id":1,"op":"import","token":HEX}                          -> {"fd","size","ino","hostVisible"}
      {"id":1,"op":"alloc","heap":NAME,"len":BYTES}               -> {"fd","size","ino","hostVisible"}
      {"id":1,"op":"load-picture","heap":NAME,"path":FILE}        -> {"fd","size","width","height","pitch","bytes"}; without "path" a
                                                                     picture of "width" x "height" is drawn
      {"id":1,"op":"store","fd":N,"offset":N,"data":BASE64}       CPU write by the importer's process; "load" with "length" reads
      {"id":1,"op":"reg","fd":N,"offset":0,"length":N,"iova":N,"access":7,"pd":1,"cpu":0,"maxPage":N}
                                                                  -> {"lkey","rkey","iova","length","pageSize","entries","bounced","direct"}
      {"id":1,"op":"dereg","lkey":N}                              bounced bytes go back to the buffer now
      {"id":1,"op":"alloc-pd"} {"id":1,"op":"dealloc-pd","pd":N}
      {"id":1,"op":"listen","path":SOCKET,"pd":1}                 or "port":N (0: any, on loopback) -> {"path"} or {"port"}
      {"id":1,"op":"connect","path":SOCKET,"pd":1}                or "host" and "port" -> {"qp"}
      {"id":1,"op":"write","qp":N,"lkey":N,"local":IOVA,"rkey":N,"remote":IOVA,"length":N}    -> {"status","name"}; "read" is alike
      {"id":1,"op":"disconnect","qp":N} {"id":1,"op":"close","fd":N} {"id":1,"op":"stats"} {"id":1,"op":"exit"}
    Numbers may be texts such as "0x1000". Access bits: LOCAL_WRITE 1, REMOTE_WRITE 2, REMOTE_READ 4, REMOTE_ATOMIC 8.
    Errors: {"id":1,"ok":false,"error":{"errno","errnoName","operation","step","message"}}.
    Events: {"event":"refused"|"revoked"|"peer-lost"|"server-gone",...}.
    Exit codes: 0; 1 when it failed; 3 when the server is gone.
    """;

var options = new ImporterOptions("rdma-importer", "rdma0");
return await ImporterProgram.RunAsync(args, Description, options, _ => { }, async (parsed, process, loop, cancel) =>
{
    GuestDevice device = await process.RegisterDeviceAsync(options.Device(parsed, "rdma"), cancel);
    await using var control = new RdmaControl(process, device, loop);
    return await control.RunAsync(cancel);
});
