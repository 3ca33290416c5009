// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "instructions")]

/// Clears the vector registers of this thread: the last round keys of what it encrypted stay there while it waits, and a core
/// dump has the registers of every thread. For a processor that is not known here, it does nothing.
#[inline(never)]
pub fn scrub_registers() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::asm;

        // The registers that no caller expects to keep: with the C calling convention, all vector registers.
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the instructions, and what they change is declared.
            unsafe {
                asm!(
                    "vpxord zmm16, zmm16, zmm16",
                    "vpxord zmm17, zmm17, zmm17",
                    "vpxord zmm18, zmm18, zmm18",
                    "vpxord zmm19, zmm19, zmm19",
                    "vpxord zmm20, zmm20, zmm20",
                    "vpxord zmm21, zmm21, zmm21",
                    "vpxord zmm22, zmm22, zmm22",
                    "vpxord zmm23, zmm23, zmm23",
                    "vpxord zmm24, zmm24, zmm24",
                    "vpxord zmm25, zmm25, zmm25",
                    "vpxord zmm26, zmm26, zmm26",
                    "vpxord zmm27, zmm27, zmm27",
                    "vpxord zmm28, zmm28, zmm28",
                    "vpxord zmm29, zmm29, zmm29",
                    "vpxord zmm30, zmm30, zmm30",
                    "vpxord zmm31, zmm31, zmm31",
                    clobber_abi("C"),
                    options(nomem, nostack, preserves_flags)
                );
            }
        }
        if is_x86_feature_detected!("avx") {
            // SAFETY: as above. All bits of the first 16 registers, whatever their width.
            unsafe { asm!("vzeroall", clobber_abi("C"), options(nomem, nostack, preserves_flags)) };
        } else {
            // SAFETY: every processor of this architecture has the instruction, and what it changes is declared.
            unsafe {
                asm!(
                    "pxor xmm0, xmm0",
                    "pxor xmm1, xmm1",
                    "pxor xmm2, xmm2",
                    "pxor xmm3, xmm3",
                    "pxor xmm4, xmm4",
                    "pxor xmm5, xmm5",
                    "pxor xmm6, xmm6",
                    "pxor xmm7, xmm7",
                    "pxor xmm8, xmm8",
                    "pxor xmm9, xmm9",
                    "pxor xmm10, xmm10",
                    "pxor xmm11, xmm11",
                    "pxor xmm12, xmm12",
                    "pxor xmm13, xmm13",
                    "pxor xmm14, xmm14",
                    "pxor xmm15, xmm15",
                    clobber_abi("C"),
                    options(nomem, nostack, preserves_flags)
                );
            }
        }
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        use std::arch::asm;

        // Without v8 to v15, which a callee must keep: the compiler would save them and put them back.
        // SAFETY: every processor of this architecture has the instruction, and what it changes is declared.
        unsafe {
            asm!(
                "movi v0.2d, #0",
                "movi v1.2d, #0",
                "movi v2.2d, #0",
                "movi v3.2d, #0",
                "movi v4.2d, #0",
                "movi v5.2d, #0",
                "movi v6.2d, #0",
                "movi v7.2d, #0",
                "movi v16.2d, #0",
                "movi v17.2d, #0",
                "movi v18.2d, #0",
                "movi v19.2d, #0",
                "movi v20.2d, #0",
                "movi v21.2d, #0",
                "movi v22.2d, #0",
                "movi v23.2d, #0",
                "movi v24.2d, #0",
                "movi v25.2d, #0",
                "movi v26.2d, #0",
                "movi v27.2d, #0",
                "movi v28.2d, #0",
                "movi v29.2d, #0",
                "movi v30.2d, #0",
                "movi v31.2d, #0",
                clobber_abi("C"),
                options(nomem, nostack, preserves_flags)
            );
        }
    }
}
