"""Small networks trained by ebbflow and by its peers, each in a process of its own."""
