"""Reports: tables from run folders."""
