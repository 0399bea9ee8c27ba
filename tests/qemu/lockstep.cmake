# A controller in lock-step against the one in the emulator's process.
add_executable(cubby_lockstep_tests lockstep_test.cpp lockstep_lab.cpp ../sim/sim_fleet.cpp)
target_link_libraries(cubby_lockstep_tests PRIVATE cubby_tools_emulator cubby_tools_aggregator_storage cubby_host GTest::gtest
                      GTest::gtest_main)
target_include_directories(cubby_lockstep_tests PRIVATE ${CMAKE_SOURCE_DIR}/tests)
add_test(NAME qemu.lockstep_host COMMAND cubby_lockstep_tests --gtest_brief=1)
set_tests_properties(qemu.lockstep_host PROPERTIES TIMEOUT 600
                     ENVIRONMENT "CUBBY_GUEST=exec $<TARGET_FILE:cubby-lockstep-guest>")
