# The program `coco`, which notes what it was started with and becomes coco.host, where the runtime is.
#
# Before the first line of C# the runtime raises the limit of open files, ignores SIGPIPE and handles SIGTERM and others, so nobody there
# can know what `coco run` has to hand on to its program. This does: it puts /proc/self/status and /proc/self/limits into a memfd, which
# coco finds among its fds, by its name, and closes (src/GuestSupervisor/Launch/StartState.cs). And it appends two variables to the
# environment. One keeps the runtime from making sockets in /tmp, which would be left there when coco is killed. The other keeps compiled
# code in memory of each process' own: guard and keeper are forks of coco, and with code in memory that they share with it they would jump
# to where coco alone has compiled something since. coco takes both away from what its program gets. Variables of these names that are
# there already win.
#
# Where hardly any file may be open the runtime would end with a stack trace; this ends with a sentence and 125.
#
# The executable is made from this text alone (tests/EndToEnd/Start/DoorstepTests.cs compares them, byte for byte):
#   as -o doorstep.o doorstep.S && objcopy -O binary -j .text doorstep.o doorstep
# Does not model: other processors. There `coco` is the runtime's own host, and StartState guesses.

    .intel_syntax noprefix
    .text

    .set base, 0x400000
    .set least_files, 96

    .set sys_read, 0
    .set sys_write, 1
    .set sys_open, 2
    .set sys_close, 3
    .set sys_execve, 59
    .set sys_readlink, 89
    .set sys_exit, 231
    .set sys_prlimit64, 302
    .set sys_memfd_create, 319

file:                               # ELF header: an executable of x86-64
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0
    .quad 0
    .short 2, 62
    .long 1
    .quad base + (start - file)
    .quad segment - file
    .quad 0
    .long 0
    .short 64, 56, 1, 64, 0, 0
segment:                            # one segment, read and execute
    .long 1, 5
    .quad 0, base, base
    .quad end - file, end - file
    .quad 0x1000



start:
    mov rbx, rsp                    # argc, argv, 0, envp, 0
    sub rsp, 8192
    mov rbp, rsp                    # room for what is read

    xor edi, edi                    # enough files?
    mov esi, 7
    xor edx, edx
    mov r10, rbp
    mov eax, sys_prlimit64
    syscall
    cmp qword ptr [rbp + 8], least_files
    jae enough
    lea rsi, [rip + too_few]
    mov edx, offset too_few_end - too_few
    jmp complain
enough:

    lea rdi, [rip + note_name]
    xor esi, esi
    mov eax, sys_memfd_create
    syscall
    mov r12, rax
    lea r13, [rbx + 8]              # argv
    mov rcx, [rbx]
    lea r14, [r13 + rcx * 8 + 8]    # envp
    test r12, r12
    js become                       # no room for a note: coco guesses

    lea rdi, [rip + status]
    call copy
    lea rdi, [rip + limits]
    call copy

    xor ecx, ecx                    # a longer environment
count:
    inc rcx
    cmp qword ptr [r14 + rcx * 8 - 8], 0
    jne count
    lea rax, [rcx * 8 + 24]
    sub rsp, rax
    and rsp, -16
    mov rsi, r14
    mov rdi, rsp
    dec rcx
    cld
    rep movsq
    lea rax, [rip + variable]
    mov [rdi], rax
    lea rax, [rip + private]
    mov [rdi + 8], rax
    mov qword ptr [rdi + 16], 0
    mov r14, rsp

become:
    lea rdi, [rip + self]           # the path of this file and .host
    mov rsi, rbp
    mov edx, 8192 - 8
    mov eax, sys_readlink
    syscall
    test rax, rax
    js lost
    mov rcx, [rip + suffix]
    mov [rbp + rax], rcx
    mov rdi, rbp
    mov rsi, r13
    mov rdx, r14
    mov eax, sys_execve
    syscall
lost:
    lea rsi, [rip + no_host]
    mov edx, offset no_host_end - no_host
complain:
    mov edi, 2
    mov eax, sys_write
    syscall
    mov edi, 125
    mov eax, sys_exit
    syscall

copy:                               # the file at rdi, to the end of the note
    xor esi, esi
    mov eax, sys_open
    syscall
    test rax, rax
    js copied
    mov r15, rax
more:
    mov edi, r15d
    mov rsi, rbp
    mov edx, 8192
    xor eax, eax                    # read
    syscall
    test rax, rax
    jle all
    mov edi, r12d
    mov rsi, rbp
    mov rdx, rax
    mov eax, sys_write
    syscall
    jmp more
all:
    mov edi, r15d
    mov eax, sys_close
    syscall
copied:
    ret

suffix:
    .asciz ".host\0"
    .byte 0
self:
    .asciz "/proc/self/exe"
status:
    .asciz "/proc/self/status"
limits:
    .asciz "/proc/self/limits"
note_name:
    .asciz "coco-doorstep"
variable:
    .asciz "DOTNET_EnableDiagnostics=0"
private:
    .asciz "DOTNET_EnableWriteXorExecute=0"
too_few:
    .ascii "coco: the limit of open files (ulimit -Hn) leaves no room for coco itself: 96 are the least.\n"
too_few_end:
no_host:
    .ascii "coco: coco.host, which has to lie beside coco, cannot be run.\n"
no_host_end:
end:
