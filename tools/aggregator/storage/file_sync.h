#pragma once

#include <string>

/// What the system calls leave to their callers: a file is on the disk only once it, and the folder that names it, are.
namespace cubby::aggregator {

/// Empty, or what went wrong.
std::string sync_file(const std::string& path);
/// The folder that `path` lies in.
std::string sync_folder_of(const std::string& path);
/// Gives a file that is whole its name, unless something has that name already, and syncs the folder. Empty, or what
/// went wrong; then it still has the old one.
std::string publish_file(const std::string& from, const std::string& to);

}  // namespace cubby::aggregator
