// Storage for one controller, as a port declares it; tools/dev/size_report reads its size.
#include <cstddef>

#include "firmware/app/assembly.h"

alignas(cubby::app::Assembly) std::byte cubby_assembly_storage[sizeof(cubby::app::Assembly)];
