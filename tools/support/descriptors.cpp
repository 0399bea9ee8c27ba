#include "tools/support/descriptors.h"

#include <sys/resource.h>

namespace cubby::tools {

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return UINT64_MAX;  // Nobody says that there is one.
  }
  if (limit.rlim_cur < limit.rlim_max) {
    const rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      limit.rlim_cur = soft;
    }
  }
  return limit.rlim_cur;
}

}  // namespace cubby::tools
