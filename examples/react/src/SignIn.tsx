import { useState, type FormEvent } from 'react';
import { userMessage } from 'gatepass/user-messages';
import { useSession } from 'gatepass/react';

export function SignIn({ reason }: { reason?: string | undefined }) {
  const { session } = useSession();
  const [problem, setProblem] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);

  async function signIn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const credentials = Object.fromEntries(new FormData(event.currentTarget)) as Record<string, string>;
    setIsBusy(true);
    setProblem(undefined);
    try {
      await session.login(credentials);
    } catch (error) {
      setProblem(userMessage(error));
    } finally {
      setIsBusy(false);
    }
  }

  return (
    <section className="card sign-in">
      <h1>Market watch</h1>
      <form onSubmit={signIn}>
        {reason && <p className="quiet">You were signed out. {reason}</p>}
        <label>
          User <input name="username" autoComplete="username" required autoFocus />
        </label>
        <label>
          Password <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button className="primary" disabled={isBusy}>
          {isBusy ? 'Signing in …' : 'Sign in'}
        </button>
        {problem && (
          <p className="error" role="alert">
            {problem}
          </p>
        )}
        <p className="quiet">Try maggie with the password secret, or bob with hunter2.</p>
      </form>
    </section>
  );
}
