# Defects that can be woken at run time: one extra build of some sources.
#
#   cubby_weave(out folder defects source...)
#
# runs tests/mutants/weave.py, which writes the sources that have a defect in the Python file `defects` into `folder`, and
# sets `out` to the list of sources with those in the place of the originals. Put `folder` before all include paths.
function(cubby_weave out folder defects)
  set(weave ${CMAKE_SOURCE_DIR}/tests/mutants/weave.py)
  execute_process(COMMAND ${CUBBY_PYTHON} -B ${weave} ${CMAKE_SOURCE_DIR} ${folder} ${defects} COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB_RECURSE woven_files RELATIVE ${folder} ${folder}/firmware/* ${folder}/tools/*)
  set(sources)
  foreach(source ${ARGN})
    file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR} ${source})
    if(name IN_LIST woven_files)
      list(APPEND sources ${folder}/${name})
    else()
      list(APPEND sources ${source})
    endif()
  endforeach()
  # A changed original is woven again when CMake runs.
  list(TRANSFORM woven_files PREPEND ${CMAKE_SOURCE_DIR}/ OUTPUT_VARIABLE originals)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${originals} ${defects} ${weave})
  set(${out} ${sources} PARENT_SCOPE)
endfunction()
