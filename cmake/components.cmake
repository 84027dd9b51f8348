# mainstay_library(NAME name [SOURCES …] [DEPENDS …] [PACKAGES …])
#
# Declares one folder of the library as target mainstay_<name> (alias mainstay::<name>), installed
# with its headers. Without SOURCES the library is header-only. DEPENDS names what lies below, and
# PACKAGES the third-party targets, which cmake/mainstay-packages.cmake has to know.
function(mainstay_library)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPENDS;PACKAGES" ${ARGN})
  set(target mainstay_${ARG_NAME})
  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(mainstay::${ARG_NAME} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${ARG_NAME})
  target_compile_features(${target} ${scope} cxx_std_23)
  target_include_directories(${target} ${scope}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} ${scope} ${ARG_DEPENDS} ${ARG_PACKAGES})
  set_property(GLOBAL APPEND PROPERTY mainstay_components ${ARG_NAME})
  set_property(GLOBAL PROPERTY mainstay_needs_${ARG_NAME} ${ARG_DEPENDS} ${ARG_PACKAGES})
  install(TARGETS ${target} EXPORT mainstay_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()
