# Installation: the library, its headers, find_package(onda) and pkg-config.
include(CMakePackageConfigHelpers)

install(TARGETS onda EXPORT onda-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} NAMELINK_COMPONENT development)
install(DIRECTORY include/onda DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT onda-targets NAMESPACE onda:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/onda)

configure_package_config_file(cmake/onda-config.cmake.in ${CMAKE_BINARY_DIR}/onda-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/onda)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/onda-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/onda-config.cmake ${CMAKE_BINARY_DIR}/onda-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/onda)

configure_file(cmake/onda.pc.in ${CMAKE_BINARY_DIR}/onda.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/onda.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
