// The memory that is left for this process.
#ifndef WAYPOST_SRC_BASE_MEMORY_HPP_
#define WAYPOST_SRC_BASE_MEMORY_HPP_

#include <cstdint>

namespace waypost::internal {

// Bytes that the process may still take: what the machine has available without swapping, at most what the memory
// limits of its control groups leave. The largest number where the system does not say.
std::uint64_t AvailableMemory();

}  // namespace waypost::internal

#endif  // WAYPOST_SRC_BASE_MEMORY_HPP_
