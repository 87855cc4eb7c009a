"""Programs for GPUs: the kernels of a graph as OpenCL C, which the driver of whatever GPU there is makes into code.

    graph ─ lowering ─> kernels ─ writing ─> OpenCL C ─ driver ─> launches ─ program ─> steps

Every number is computed by the same formula, and every sum added in the same order, as on the processor.
"""
