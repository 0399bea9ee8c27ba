#pragma once

#include <cstdint>

namespace cubby::tools {

/// Open files that this process may have from now on: the soft limit is raised to the hard one.
std::uint64_t raise_descriptor_limit();

}  // namespace cubby::tools
