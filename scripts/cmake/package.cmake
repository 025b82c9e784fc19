# Install and export: find_package(waypost CONFIG COMPONENTS core waypost c) and pkg-config waypost (the C library).
#
# Each component is an export set of its own, so that a program which uses the C library alone needs no other package.
option(WAYPOST_INSTALL "Install the headers, the libraries and the package files" ${PROJECT_IS_TOP_LEVEL})
if(NOT WAYPOST_INSTALL)
  return()
endif()
include(CMakePackageConfigHelpers)

set(waypost_package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/waypost)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/waypost DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp")
install(TARGETS waypost_core EXPORT waypost_core_targets)
install(TARGETS waypost EXPORT waypost_compiled_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT waypost_core_targets FILE waypost-core-targets.cmake NAMESPACE waypost::
  DESTINATION ${waypost_package_folder})
install(EXPORT waypost_compiled_targets FILE waypost-waypost-targets.cmake NAMESPACE waypost::
  DESTINATION ${waypost_package_folder})

if(TARGET waypost_c)
  install(TARGETS waypost_c EXPORT waypost_c_targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES ${PROJECT_SOURCE_DIR}/bindings/c/waypost.h ${PROJECT_SOURCE_DIR}/bindings/c/waypost_engine.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT waypost_c_targets FILE waypost-c-targets.cmake NAMESPACE waypost::
    DESTINATION ${waypost_package_folder})
  get_target_property(waypost_c_name waypost_c OUTPUT_NAME)
  if(NOT waypost_c_name)
    set(waypost_c_name waypost_c)
  endif()
  configure_file(${PROJECT_SOURCE_DIR}/scripts/cmake/waypost.pc.in ${PROJECT_BINARY_DIR}/waypost.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/waypost.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/scripts/cmake/waypost-config.cmake.in
  ${PROJECT_BINARY_DIR}/waypost-config.cmake INSTALL_DESTINATION ${waypost_package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/waypost-config-version.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/waypost-config.cmake ${PROJECT_BINARY_DIR}/waypost-config-version.cmake
  DESTINATION ${waypost_package_folder})
