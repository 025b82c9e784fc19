// waypost/version.hpp - the one place the version is written. Build files, the tool and the C API read it from here.
#ifndef WAYPOST_VERSION_HPP_
#define WAYPOST_VERSION_HPP_

#define WAYPOST_VERSION_MAJOR 0
#define WAYPOST_VERSION_MINOR 1
#define WAYPOST_VERSION_PATCH 0
#define WAYPOST_VERSION_STRING "0.1.0"

#endif  // WAYPOST_VERSION_HPP_
