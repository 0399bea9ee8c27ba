# A controller in lock-step against the one in the emulator's process.
add_executable(cubby_lockstep_compare lockstep_test.cpp lockstep_lab.cpp ../sim/sim_fleet.cpp)
target_link_libraries(cubby_lockstep_compare PRIVATE cubby_tools_emulator cubby_tools_aggregator_storage cubby_host GTest::gtest
                      GTest::gtest_main)
target_include_directories(cubby_lockstep_compare PRIVATE ${CMAKE_SOURCE_DIR}/tests)
add_test(NAME qemu.lockstep_host COMMAND cubby_lockstep_compare --gtest_brief=1)
set_tests_properties(qemu.lockstep_host PROPERTIES TIMEOUT 600
                     ENVIRONMENT "CUBBY_GUEST=exec $<TARGET_FILE:cubby-lockstep-guest>")
cubby_qemu_test(lockstep 3600 /usr/bin/python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/lockstep.py ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
set_tests_properties(qemu.lockstep PROPERTIES ENVIRONMENT CUBBY_IMAGES=${CUBBY_IMAGES})
