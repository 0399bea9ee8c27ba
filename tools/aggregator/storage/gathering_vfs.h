#pragma once

namespace cubby::aggregator {

/// Name of a file system for sqlite3_open_v2 that puts the writes of a write-ahead log together: SQLite writes each
/// page's header and each page with a call of its own, here they reach the default file system up to 96 KiB at a time,
/// and at the latest before a sync, a read, a truncation or a question for the size of that log. All else goes to the
/// default file system, which is looked up when a file is opened. Registered when first asked for, and stays so; null:
/// SQLite did not take it.
///
/// Only for connections with synchronous=FULL: other connections see the frames of a commit in the file because SQLite
/// syncs the log before it publishes them. A write that fails is reported by the call that caused it, which may be the
/// sync of that commit.
const char* gathering_vfs();

}  // namespace cubby::aggregator
