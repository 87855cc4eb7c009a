"""Tables: files and frames -> matrices for a network, and its outputs back into the table's terms.

polars and narwhals are imported when a table is first read or encoded.
"""

from ebbflow.tables.encoder import TableEncoder, rows_with_target
from ebbflow.tables.reading import read_table
from ebbflow.tables.splitting import split_rows

__all__ = ["TableEncoder", "read_table", "rows_with_target", "split_rows"]
