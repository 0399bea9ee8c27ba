# A room is a folder with an include root of its own: the root holds a link to that folder alone, under its
# full path, so `#include "firmware/base/status.h"` is found only by rooms that name firmware/base as a
# dependency. That is the dependency rule, enforced by the compiler.
#
#   cubby_room(firmware/store DEPENDS firmware/base firmware/hal [LIBRARIES lib ...] [CORE] [RECURSE] [EXCLUDE file ...])
#
# makes the library cubby_firmware_store of all *.cpp in the folder (interface library if there are none).
# CORE: no exceptions, no RTTI.
function(cubby_room_target out path)
  string(REPLACE "/" "_" name ${path})
  set(${out} cubby_${name} PARENT_SCOPE)
endfunction()

function(cubby_room path)
  cmake_parse_arguments(ROOM "CORE;RECURSE" "" "DEPENDS;LIBRARIES;EXCLUDE" ${ARGN})
  cubby_room_target(target ${path})
  if(ROOM_RECURSE)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${path}/*.cpp)
  else()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${path}/*.cpp)
  endif()
  foreach(file ${ROOM_EXCLUDE})
    list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${path}/${file})
  endforeach()

  set(root ${CMAKE_BINARY_DIR}/include_roots/${target})
  get_filename_component(parent ${path} DIRECTORY)
  file(MAKE_DIRECTORY ${root}/${parent})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${path} ${root}/${path} SYMBOLIC)

  set(scope PUBLIC)
  if(sources)
    add_library(${target} STATIC ${sources})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${root})
  foreach(dependency ${ROOM_DEPENDS})
    cubby_room_target(dependency_target ${dependency})
    target_link_libraries(${target} ${scope} ${dependency_target})
  endforeach()
  target_link_libraries(${target} ${scope} ${ROOM_LIBRARIES})
  if(ROOM_CORE AND sources)
    target_compile_options(${target} PRIVATE ${CUBBY_CORE_OPTIONS})
  endif()
endfunction()
