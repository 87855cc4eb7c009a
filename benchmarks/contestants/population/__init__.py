"""Many small networks trained by ebbflow and by its peers, each library in a process of its own."""
