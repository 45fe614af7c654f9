"""Reports of an audit: tables for programs and a page for people. Decides nothing."""
