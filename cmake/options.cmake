# What is built, and how the compiler is called everywhere.
option(MAINSTAY_BUILD_PROGRAMS "Build mainstayd, mainstayctl and the examples" ON)
option(MAINSTAY_BUILD_TESTS "Build the tests" ON)
option(MAINSTAY_BUILD_BENCH "Build the benchmarks" ON)
option(MAINSTAY_BUILD_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(MAINSTAY_SANITIZE "" CACHE STRING "Sanitizers for the whole build, such as address,undefined")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(MAINSTAY_CCACHE ccache)
if(MAINSTAY_CCACHE)
  # Paths count from the source folder, so that every checkout shares what another compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=true ${MAINSTAY_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wconversion -Werror
  -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # GCC 12's own standard library uses what it calls deprecated, in std::stable_sort. The other two
  # are no part of what GCC means by the same names.
  add_compile_options(-Wno-deprecated-declarations -Wno-sign-conversion
    -Wno-unused-const-variable)
endif()
if(MAINSTAY_SANITIZE)
  add_compile_options(-fsanitize=${MAINSTAY_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MAINSTAY_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 misjudges code that it has instrumented itself; the other builds keep this warning.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  if(MAINSTAY_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC warns of fences, which ThreadSanitizer cannot follow. Boost.Asio has some beside its
    # locks, and the locks alone order everything.
    add_compile_options(-Wno-tsan)
  endif()
endif()
