#pragma once

#include <string>
#include <string_view>

#include "tools/aggregator/storage/sqlite.h"

/// The tables of docs/spec/store.md.
namespace cubby::aggregator {

inline constexpr int kSchemaVersion = 8;
inline constexpr int kApplicationId = 0x43554259;  // "CUBY": PRAGMA application_id of our files.
/// Begins the name of a row of `meta` for each restore; the generation follows.
inline constexpr std::string_view kRestoredPrefix = "restored_";

/// Makes all tables and views in an empty database, inside the caller's transaction.
bool create_schema(Database& database);

/// The statistics' part of it: tables without rows, and views.
bool create_statistics(Database& database);
/// Takes away the statistics of any version that had them.
bool drop_statistics(Database& database);
/// From version 7. A station's lifetime is in its newest day now, and spans have open days.
bool bring_statistics_to_version_8(Database& database);

/// Empty: the open database is a store that this build reads. Else one line that says why not; `empty`
/// is set when there is nothing in it at all, `version` to the schema version of what is a store.
std::string check_schema(Database& database, bool& empty, int* version = nullptr);

}  // namespace cubby::aggregator
