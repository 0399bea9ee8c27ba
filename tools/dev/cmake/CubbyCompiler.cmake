# Warnings are errors on every compiler; chosen so that GCC 12 and clang 14 agree on what is clean.
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wcast-align -Wdouble-promotion -Werror)
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor;-Wold-style-cast;-Woverloaded-virtual>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of GCC 12 in inlined library code.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(CUBBY_SANITIZE)
  add_compile_options(-fsanitize=${CUBBY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CUBBY_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_compile_options(-fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/not_ours.txt)
  endif()
endif()
if(CUBBY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
# What firmware and emulator promise: no exceptions, no RTTI (UBSan's vptr check needs RTTI).
set(CUBBY_CORE_OPTIONS "$<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>")
if(NOT CUBBY_SANITIZE MATCHES "undefined")
  list(APPEND CUBBY_CORE_OPTIONS "$<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>")
endif()
if(CUBBY_SANITIZE)
  list(APPEND CUBBY_CORE_OPTIONS -O1)  # Here the tests spend their time; the rest is compiled faster than it is optimised.
endif()
# The rooms of firmware and emulator are small files that call each other all the time: cubby-emulator is optimised
# again as one when it is linked (docs/design/engine.md): CUBBY_AS_ONE of that target. All others link the same objects
# as they are; GCC must not see -fno-lto at all where it is not meant.
option(CUBBY_FAST_CORE "Optimise firmware and emulator as far as GCC can" OFF)
if(CUBBY_FAST_CORE)
  list(APPEND CUBBY_CORE_OPTIONS -O3 -flto=auto -ffat-lto-objects)
  add_link_options("$<IF:$<BOOL:$<TARGET_PROPERTY:CUBBY_AS_ONE>>,-flto=auto;-Wno-stringop-overflow,-fno-lto>")
endif()
