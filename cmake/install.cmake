# What `cmake --install` leaves behind: headers, static libraries, the programs, and a package that
# consumers find with find_package(mainstay).
include(CMakePackageConfigHelpers)
include(mainstay-packages)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/mainstay")
set(generated "${CMAKE_CURRENT_BINARY_DIR}/package")

get_property(components GLOBAL PROPERTY mainstay_components)
set(lines "set(mainstay_components ${components})\n")
foreach(component IN LISTS components)
  get_property(needs GLOBAL PROPERTY mainstay_needs_${component})
  foreach(needed IN LISTS needs)
    if(NOT needed MATCHES "^mainstay::")
      mainstay_require_known_package("${needed}")
    endif()
  endforeach()
  list(JOIN needs " " needs)
  string(APPEND lines "set(mainstay_needs_${component} ${needs})\n")
endforeach()
file(CONFIGURE OUTPUT "${generated}/mainstay-components.cmake" CONTENT "${lines}" @ONLY)

configure_package_config_file(cmake/mainstay-config.cmake.in "${generated}/mainstay-config.cmake"
  INSTALL_DESTINATION "${package_dir}")
# Until 1.0 a minor version may break what the one before promised.
write_basic_package_version_file("${generated}/mainstay-config-version.cmake"
  COMPATIBILITY SameMinorVersion)

install(DIRECTORY mainstay DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.hpp")
install(EXPORT mainstay_targets NAMESPACE mainstay:: FILE mainstay-targets.cmake
  DESTINATION "${package_dir}")
install(FILES
  "${generated}/mainstay-components.cmake"
  "${generated}/mainstay-config.cmake"
  "${generated}/mainstay-config-version.cmake"
  cmake/mainstay-packages.cmake
  DESTINATION "${package_dir}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
foreach(program mainstayd mainstayctl)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  endif()
endforeach()
