// Each test starts up to six processes, and some give a client one second: they take turns.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
