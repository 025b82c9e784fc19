# waypost_add_simd_sources(<target> <source>...)
# Builds each source once per instruction set and adds the objects to <target>. On x86-64 the newer variants also rename
# Eigen's namespace: a template compiled for AVX can then never be linked into code for an older processor.
include(CheckCXXCompilerFlag)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(WAYPOST_SIMD_VARIANTS ON)
endif()

function(waypost_add_simd_sources target)
  set(sources ${ARGN})
  set(variants baseline)
  if(WAYPOST_SIMD_VARIANTS)
    list(APPEND variants avx2 avx512)
    target_compile_definitions(${target} PRIVATE WAYPOST_SIMD_VARIANTS)
  endif()
  set(options_avx2 -march=x86-64-v3 -DEigen=waypost_eigen_avx2)
  set(options_avx512 -march=x86-64-v4 -mprefer-vector-width=512 -DEigen=waypost_eigen_avx512)
  foreach(variant IN LISTS variants)
    set(objects ${target}_simd_${variant})
    add_library(${objects} OBJECT ${sources})
    target_link_libraries(${objects} PRIVATE waypost_core waypost_options)
    # Optimised in every build type: at -O0 small std:: functions would be left as shared symbols, and below -O3 gcc does
    # not unroll the loops over a register tile, which then lies in memory (a third of the speed).
    target_compile_options(${objects} PRIVATE ${options_${variant}} -O3)
    target_compile_definitions(${objects} PRIVATE WAYPOST_COMPILED
      EIGEN_DONT_PARALLELIZE EIGEN_NO_DEBUG
      HWY_DISABLE_PCLMUL_AES)  # unused; without it Highway asks for more than x86-64-v3 has
    set_target_properties(${objects} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
endfunction()
