# Install and export: find_package(waypost CONFIG COMPONENTS core waypost c) and pkg-config waypost.
