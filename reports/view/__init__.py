"""The evidence viewer: run folders as a page that opens from disk, without a server."""
