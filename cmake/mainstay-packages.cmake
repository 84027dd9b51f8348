# Where the third-party targets come from that the library links: read when a consumer looks for
# mainstay, and when mainstay itself is configured, to be sure that every target stands here.

# Target patterns, each with the arguments of the find_package that makes them.
set(mainstay_package_of_targets
  "^Boost::log$=Boost 1.81 COMPONENTS log"
  "^Boost::=Boost 1.81"
  "^Threads::=Threads"
  "^fmt::=fmt"
  "^OpenSSL::=OpenSSL 3"
  "^nlohmann_json::=nlohmann_json"
  "^protobuf::=Protobuf"
  "^prometheus-cpp::=prometheus-cpp"
  "^spdlog::=spdlog"
  "^tomlplusplus::=tomlplusplus")
# Targets that pkg-config makes, as PkgConfig::<name>, each with its module.
set(mainstay_pkg_config_modules
  "log4cpp=log4cpp"
  "rocksdb=rocksdb"
  "xxhash=libxxhash")

# Finds the package that makes `target`. A macro, because find_dependency returns from its caller.
macro(mainstay_find_package_of target)
  foreach(mainstay_entry IN LISTS mainstay_package_of_targets)
    string(REPLACE "=" ";" mainstay_entry "${mainstay_entry}")
    list(POP_FRONT mainstay_entry mainstay_pattern)
    if("${target}" MATCHES "${mainstay_pattern}")
      string(REPLACE " " ";" mainstay_entry "${mainstay_entry}")
      find_dependency(${mainstay_entry})
    endif()
  endforeach()
  foreach(mainstay_entry IN LISTS mainstay_pkg_config_modules)
    string(REPLACE "=" ";" mainstay_entry "${mainstay_entry}")
    list(POP_FRONT mainstay_entry mainstay_pattern)
    if("${target}" STREQUAL "PkgConfig::${mainstay_pattern}" AND NOT TARGET "${target}")
      find_dependency(PkgConfig)
      pkg_check_modules(${mainstay_pattern} REQUIRED IMPORTED_TARGET ${mainstay_entry})
    endif()
  endforeach()
endmacro()

# Fails unless `target` stands above.
function(mainstay_require_known_package target)
  foreach(entry IN LISTS mainstay_package_of_targets)
    string(REGEX REPLACE "=.*" "" pattern "${entry}")
    if("${target}" MATCHES "${pattern}")
      return()
    endif()
  endforeach()
  foreach(entry IN LISTS mainstay_pkg_config_modules)
    string(REGEX REPLACE "=.*" "" name "${entry}")
    if("${target}" STREQUAL "PkgConfig::${name}")
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "consumers cannot find ${target}: add it to cmake/mainstay-packages.cmake")
endfunction()
